"""The model of a header, on headers of a few lines as the preprocessor leaves them."""

from typing import Any

import pytest

from mocknvml.codegen.header import CType, Header, Struct, parse


def struct_of(text: str, name: str = "thing_t") -> Struct:
    return parse(text).structs[name]


def places(struct: Struct) -> dict[str, int]:
    return {member.name: member.offset for member in struct.members}


def function_types(header: Header, name: str) -> dict[str, CType]:
    return {param.name: param.type for param in header.functions[name].params}


def test_a_function_has_its_parameters_in_order_and_its_prototype_in_one_line() -> None:
    header = parse("typedef int nvmlReturn_t;\nnvmlReturn_t nvmlSet(unsigned int index,\n    char *name);")
    function = header.functions["nvmlSet"]

    assert [param.name for param in function.params] == ["index", "name"]
    assert function.returns == "nvmlReturn_t"
    assert function.prototype == "nvmlReturn_t nvmlSet(unsigned int index, char *name)"
    assert function.param("size") is None


@pytest.mark.parametrize("parameters", ["void", ""])
def test_a_function_without_parameters_has_none(parameters: str) -> None:
    assert parse(f"int nvmlInit({parameters});").functions["nvmlInit"].params == ()


@pytest.mark.parametrize(
    ("declaration", "expected"),
    [
        ("unsigned int x", {"kind": "scalar", "base": "unsigned int", "size": 4, "pointers": 0}),
        ("signed char x", {"kind": "scalar", "base": "char", "size": 1}),
        ("unsigned long long *x", {"kind": "scalar", "base": "unsigned long long", "size": 8, "pointers": 1}),
        ("char *x", {"is_text": True, "const": False}),
        ("const char *x", {"is_text": True, "const": True}),
        ("const void **x", {"base": "void", "pointers": 2, "is_text": False}),
        ("device_t x", {"kind": "handle", "text": "device_t", "size": 8, "is_handle": True}),
        ("device_t *x", {"kind": "handle", "pointers": 1, "is_handle": False}),
        ("number_t x", {"kind": "scalar", "text": "number_t", "base": "unsigned int", "size": 4}),
        ("color_t x", {"kind": "enum", "text": "color_t", "size": 4}),
        ("pair_t *x", {"kind": "struct", "base": "pair_t", "size": 8, "pointers": 1}),
    ],
)
def test_a_parameter_has_the_type_that_its_typedefs_resolve_to(declaration: str, expected: dict[str, Any]) -> None:
    header = parse(f"""
        typedef struct device_st *device_t;
        typedef unsigned int number_t;
        typedef enum {{ RED }} color_t;
        typedef struct {{ int left; int right; }} pair_t;
        int f({declaration});
    """)

    kind = function_types(header, "f")["x"]

    assert {name: getattr(kind, name) for name in expected} == expected


def test_members_are_aligned_and_the_struct_is_padded_to_its_alignment() -> None:
    struct = struct_of("typedef struct { char a; unsigned short b; char c; double d; char e; } thing_t;")

    assert places(struct) == {"a": 0, "b": 2, "c": 4, "d": 8, "e": 16}
    assert (struct.size, struct.align) == (24, 8)


def test_an_array_takes_the_room_of_its_elements() -> None:
    struct = struct_of(
        "#define LENGTH 3\nenum { ROWS = 2 }; typedef struct { char a[ROWS][5]; int b[ROWS + 1]; } thing_t;"
    )

    assert [(m.offset, m.type.size, m.type.array) for m in struct.members] == [(0, 10, (2, 5)), (12, 12, (3,))]
    assert struct.size == 24


def test_members_of_a_union_share_their_place() -> None:
    struct = struct_of("typedef union { double d; char text[13]; unsigned int u; } thing_t;")

    assert places(struct) == {"d": 0, "text": 0, "u": 0}
    assert (struct.size, struct.align) == (16, 8)


def test_an_anonymous_union_within_a_struct_has_a_layout_of_its_own() -> None:
    header = parse("typedef struct { char a; union { int i; double d; }; struct { char c; short s; } inner; } thing_t;")
    struct = header.structs["thing_t"]
    union, inner = struct.members[1], struct.members[2]

    assert (union.name, union.offset, union.type.size) == ("", 8, 8)
    assert (inner.name, inner.offset, inner.type.size) == ("inner", 16, 4)
    assert places(header.structs[inner.type.base]) == {"c": 0, "s": 2}
    assert struct.size == 24


def test_two_anonymous_structs_are_not_taken_for_each_other() -> None:
    header = parse("typedef struct { struct { char c; } a; struct { double d; } b; } thing_t;")

    assert [member.type.size for member in header.structs["thing_t"].members] == [1, 8]


def test_bit_fields_share_one_word_of_their_type() -> None:
    struct = struct_of("typedef struct { int a; unsigned int b : 1; unsigned int c : 31; int d; } thing_t;")

    assert [member.offset for member in struct.members] == [0, 4, 8]
    assert struct.member("d") is not None
    assert struct.size == 12


def test_a_struct_is_known_by_its_tag_and_by_each_of_its_names() -> None:
    header = parse("struct thing_st { int a; }; typedef struct thing_st thing_t; typedef thing_t thing_v1_t;")

    assert header.structs["thing_st"] is header.structs["thing_t"] is header.structs["thing_v1_t"]


def test_enumerators_count_on_and_may_be_aliases_of_each_other() -> None:
    header = parse(
        "typedef enum color_en { RED, GREEN = 4, LIME = GREEN, BLUE, ALL = (1 << 3) | RED, NONE = -1 } color_t;"
    )

    assert header.enums["color_t"] == {"RED": 0, "GREEN": 4, "LIME": 4, "BLUE": 5, "ALL": 8, "NONE": -1}
    assert header.constants["LIME"] == 4


def test_numbers_of_macros_are_constants_and_other_macros_are_kept_as_text() -> None:
    header = parse(
        '#define SIZE 32\n#define MASK 0xFFull\n#define LOW (-1)\n#define NAME "x"\n#define TWICE (2 * SIZE)'
    )

    assert header.constants == {"SIZE": 32, "MASK": 255, "LOW": -1}
    assert header.macros["NAME"] == '"x"'
    assert header.macros["TWICE"] == "(2 * SIZE)"


VERSIONED = """
typedef struct { unsigned int version; int a; } nvmlThing_v1_t;
typedef struct { unsigned int version; int a; int b; } nvmlThing_v2_t;
typedef nvmlThing_v2_t nvmlThing_t;
typedef struct { int a; } nvmlPlain_v1_t;
#define nvmlThing_v2 NVML_STRUCT_VERSION(Thing, 2)
#define nvmlThing_v1 NVML_STRUCT_VERSION(Thing, 1)
#define nvmlOther_v1 NVML_STRUCT_VERSION(Other, 1)
int nvmlGetThing(nvmlThing_t *thing);
"""


def test_a_versioned_struct_has_all_versions_of_its_family_and_their_words() -> None:
    header = parse(VERSIONED)
    struct = function_types(header, "nvmlGetThing")["thing"].base

    assert [(v.macro, v.word) for v in header.versions(struct)] == [
        ("nvmlThing_v1", 8 | 1 << 24),
        ("nvmlThing_v2", 12 | 2 << 24),
    ]


def test_a_struct_without_a_member_for_its_version_is_not_versioned() -> None:
    assert parse(VERSIONED).versions("nvmlPlain_v1_t") == ()


def test_a_function_has_the_comment_right_above_it() -> None:
    original = """
    /** First. */
    nvmlReturn_t DECLDIR nvmlFirst(void);
    /** Second, which lists \\ref NVML_ERROR_NO_DATA. */
    DEPRECATED(13.0) nvmlReturn_t DECLDIR nvmlSecond(void);
    nvmlReturn_t DECLDIR nvmlThird(void);
    /** Text. */
    const DECLDIR char* nvmlText(void);
    """
    header = parse(
        "typedef int nvmlReturn_t; nvmlReturn_t nvmlFirst(void); nvmlReturn_t nvmlSecond(void);"
        "nvmlReturn_t nvmlThird(void); const char *nvmlText(void);",
        original,
    )

    docs = {name: function.doc.strip() for name, function in header.functions.items()}

    assert docs["nvmlFirst"] == "First."
    assert docs["nvmlThird"] == ""
    assert docs["nvmlText"] == "Text."
    assert header.functions["nvmlSecond"].may_answer("NVML_ERROR_NO_DATA")
    assert not header.functions["nvmlFirst"].may_answer("NVML_ERROR_NO_DATA")
