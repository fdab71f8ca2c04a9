from mocknvml.codegen.emit_api import api_page


def test_the_page_has_every_public_name_with_its_methods() -> None:
    page = api_page("a note")

    assert page.startswith("a note\n\n# Python\n")
    headings = [line for line in page.splitlines() if line.startswith("#")]
    assert {"## Node", "## Gpu", "## Reading", "## FieldStatus"} <= set(headings)
    node = headings[headings.index("## Node") : headings.index("## NodeError")]
    assert "### `select(text: str) -> list[Gpu]`" in node
    assert "### `edit() -> ContextManager[Node]`" in node
    assert "### `clock`" in node
    assert not any(line.startswith("### `check") for line in node)  # for our own use, without a docstring
    assert [line.partition("(")[0] for line in node].count("### `reset") == 1
    assert "    profile: str = 'dgx-a100'" not in page and "profile: str = 'dgx-a100'" in page


def test_sessions_stand_in_fences() -> None:
    assert "\n```text\n>>> with node.gpus[0].edit() as gpu:\n" in api_page("")
    assert api_page("").count("```") % 2 == 0
