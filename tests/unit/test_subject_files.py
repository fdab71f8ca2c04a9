"""The subject files declare and do nothing else, and what must stand in one place stands nowhere else."""

import ast
import re
from pathlib import Path

import pytest

import mocknvml
from mocknvml.nvml import BLOCKS, FIELD_IDS, ROWS, SUBJECTS

PACKAGE = Path(mocknvml.__file__).parent
FILES = sorted((PACKAGE / "nvml").glob("*.py"))
SUBJECT_FILES = [file for file in FILES if file.name != "__init__.py"]
EMITTERS = sorted(file for file in (PACKAGE / "codegen").glob("*.py") if file.name != "shapes.py")
NATIVE = sorted((PACKAGE / "native").glob("*.[ch]"))
EXPORTING = {"api.c", "calls_api.c"}  # and the generated functions.c

# What a declaration is made of: names, literals, calls of the vocabulary, and arithmetic between fields.
EXPRESSIONS = (
    *(ast.Call, ast.keyword, ast.Name, ast.Attribute, ast.Load, ast.Constant, ast.Tuple, ast.Starred, ast.Dict),
    *(ast.BinOp, ast.Add, ast.Sub),
)
C_MARKS = re.compile(r"[;{}]|->|==|&&|\|\||\breturn\b|\bif\b.*\(|\bNVML_(SUCCESS|ERROR)\w*")

each_file = pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
each_subject = pytest.mark.parametrize("file", SUBJECT_FILES, ids=lambda file: file.name)
each_emitter = pytest.mark.parametrize("file", EMITTERS, ids=lambda file: file.name)
each_native = pytest.mark.parametrize("file", NATIVE, ids=lambda file: file.name)


def tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def undeclared(file: Path) -> list[str]:
    """What a subject file may not hold."""
    found: list[str] = []
    for statement in tree(file).body[1:]:
        match statement:
            case ast.ImportFrom(module=str(module)) if module.startswith("mocknvml."):
                pass
            case ast.Assign(targets=[ast.Name()], value=value):
                found += unusual(value)
            case ast.ClassDef(bases=[ast.Name(id="Block" | "System" | "Record")], decorator_list=[], keywords=[]):
                found += undeclared_in_class(statement)
            case _:
                found.append(ast.unparse(statement))
    return found


def undeclared_in_class(block: ast.ClassDef) -> list[str]:
    found: list[str] = []
    for statement in block.body:
        match statement:
            case ast.Expr(value=ast.Constant(value=str())) if statement is block.body[0]:
                pass
            case ast.Assign(targets=[ast.Name()], value=ast.Call() as value):
                found += unusual(value)
            case _:
                found.append(ast.unparse(statement))
    return found


def unusual(value: ast.expr) -> list[str]:
    return [ast.unparse(node) for node in ast.walk(value) if not isinstance(node, EXPRESSIONS)]


@each_subject
def test_a_subject_file_holds_declarations_alone(file: Path) -> None:
    assert undeclared(file) == []


@pytest.mark.parametrize(
    "text",
    [
        "def f(): pass",
        "VALUES = [name for name in 'ab']",
        "VALUE = lambda: 1",
        "for name in 'ab': pass",
        "if True: VALUE = 1",
        "import os",
        "from os import path",
        "a = b = 1",
        "@final\nclass Power(Block): usage = u32()",
        "class Power: usage = u32()",
        "class Power(Block):\n    usage: int = u32()",
        "class Power(Block):\n    def key(self): pass",
        "class Power(Block):\n    usage = 1",
        "FUNCTIONS = (getter('nvmlX', Power.usage if True else Power.limit),)",
        "FUNCTIONS = (getter(f'nvml{NAME}', Power.usage),)",
        "register(Power)",
    ],
)
def test_logic_in_a_subject_file_would_be_found(tmp_path: Path, text: str) -> None:
    file = tmp_path / "subject.py"
    file.write_text(f'"""Subject."""\n\n{text}\n', encoding="utf-8")

    assert len(undeclared(file)) > 0


@each_subject
def test_a_subject_file_has_its_functions_last_and_is_a_subject(file: Path) -> None:
    last = tree(file).body[-1]

    assert isinstance(last, ast.Assign)
    assert ast.unparse(last.targets[0]) == "FUNCTIONS"
    assert isinstance(last.value, ast.Tuple)
    assert f"mocknvml.nvml.{file.stem}" in [subject.__name__ for subject in SUBJECTS]


@each_file
def test_a_subject_file_begins_with_at_most_ten_lines_of_what_it_is(file: Path) -> None:
    docstring = ast.get_docstring(tree(file))

    assert docstring
    assert len(docstring.splitlines()) <= 10


@each_subject
def test_no_string_of_a_subject_file_is_c(file: Path) -> None:
    module = tree(file)
    docstrings = {
        ast.get_docstring(node, clean=False) for node in ast.walk(module) if isinstance(node, ast.Module | ast.ClassDef)
    }
    strings = {
        node.value for node in ast.walk(module) if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }

    assert [text for text in strings - docstrings if C_MARKS.search(text)] == []


def test_every_block_row_and_field_id_is_collected() -> None:
    text = "".join(file.read_text(encoding="utf-8") for file in SUBJECT_FILES)

    assert len(BLOCKS) == len(re.findall(r"^class \w+\((?:Block|System)\)", text, re.M))
    assert {row.function for row in ROWS} == set(re.findall(r'"(nvml[A-Z]\w*)"', text)) - {"nvmlMemory_t"} - enums(text)
    assert len(FIELD_IDS) == len(re.findall(r"\bfield_id\(", text))


def enums(text: str) -> set[str]:
    return set(re.findall(r'Domain\.of\(\s*"(nvml\w+_t)"', text))


@each_emitter
def test_no_function_of_nvml_is_named_where_c_is_emitted(file: Path) -> None:
    code = strip_comments_of_python(file)

    assert re.findall(r"\bnvml[A-Z]\w*(?<!_t)\b", code) == []


def strip_comments_of_python(file: Path) -> str:
    """The code without comments and docstrings, which may give an example."""
    module = tree(file)
    for node in ast.walk(module):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(module)


DEFINITION = re.compile(r"^(\w[\w\s*]*?)\b(\w+)\([^;{}]*\)\n\{", re.M)


def shared(text: str) -> list[str]:
    """The functions that C code defines for other files."""
    return [name for result, name in DEFINITION.findall(text) if not result.startswith("static")]


@each_native
def test_what_native_files_share_has_their_prefix(file: Path) -> None:
    names = shared(file.read_text(encoding="utf-8"))

    assert [name for name in names if not name.startswith(("mock_", "native_nvml"))] == []


def test_definitions_are_found_in_c() -> None:
    text = (
        "static int mine(void)\n{\n}\n\nstatic inline struct a *\nhelper(int a)\n{\n}\n"
        "int one(int a,\n        int b)\n{\n}\nAPI const char *two(void)\n{\n}\nint declared(void);\n"
    )

    assert shared(text) == ["one", "two"]


@each_native
def test_nothing_hand_written_is_exported_but_the_interface_for_python(file: Path) -> None:
    text = file.read_text(encoding="utf-8")

    assert ('visibility("default")' in text) == (file.name in EXPORTING)
