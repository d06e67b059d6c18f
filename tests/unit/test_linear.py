"""What reads outside text is linear in it: no input can stop a process."""

import time
from collections.abc import Callable
from contextlib import suppress

import pytest
from pydantic import BaseModel, ValidationError

from api.app import ROUTERS
from api.errors import Problem
from api.http.schemas import Body
from api.leads.reading import LeadRow, read_list
from providers.markup import is_html, is_too_nested, sent_html
from providers.templates import compiled, foreign_signs, paragraphs, pieces, unknown_variables
from providers.texts import plain

PARTS = (
    "{", "{{", "}}", "{{a}}", "<", "<a ", "<a b='", '<p><a b="', "<!--", "<!--x>", "--><!--", "<![CDATA[", "<![x>",
    "<!x>", "<?", "<?x>", "</", "</a", "</a b='>", "<script>", "<style>x", "<title>", "<blockquote>", "&", "&#", "&#x",
    "&amp", "'", '"', ",", "\n", "\r\n", "\n ", " ", "%", "#", "(", "@", "e\u0301", "\u0301", "]]>",
    "{{first_name|", "{{email|a}}", "{a|", "{   ", "[[ a|", "<< a", "%a", "{%", "${", "https://", "<style ", "<style>",
    "<b x ", "<div>", "<ul><li>", "<b></p>", "<p><b>", "<a href='{{",
)  # fmt: skip
ENOUGH = 0.02  # seconds of CPU: below this a ratio is noise


def judged(text: str) -> None:
    """Do what a sequence's text goes through."""
    list(unknown_variables(text))
    list(foreign_signs(text, is_html=True))
    list(foreign_signs(text, is_html=False))
    pieces(text, "html")
    compiled(paragraphs(text), "html")
    is_html(text)


def cpu(work: Callable[[str], object], text: str) -> float:
    """Return the CPU seconds of the quickest of three runs."""
    spent: list[float] = []
    for _ in range(3):
        began = time.process_time()
        work(text)
        spent.append(time.process_time() - began)
    return min(spent)


def is_linear(work: Callable[[str], object], texts: tuple[str, str], *, enough: float, factor: float) -> bool:
    """Whether the second text costs at most so many times what the first does, or so little that it does not matter.
    What is quadratic never is; a busy machine may spoil one measure, and hardly five."""
    for _ in range(5):
        once, twice = (cpu(work, text) for text in texts)
        if twice < enough or twice / max(once, ENOUGH / 4) < factor:
            return True
    return False


def cleaned(text: str) -> str:
    """Return a body as it may be sent; one that would take long is refused."""
    return "" if is_too_nested(text) else sent_html(text)


@pytest.mark.parametrize("end", ["", ">", "</p>"], ids=["open", "closed", "tagged"])
@pytest.mark.parametrize("part", PARTS, ids=ascii)
@pytest.mark.parametrize("work", [judged, cleaned, plain], ids=["sequence", "cleaned", "mail"])
def test_twice_the_text_costs_at_most_about_twice_as_much(work: Callable[[str], object], part: str, end: str) -> None:
    half, whole = ("<p>" + part * (size // len(part)) + end for size in (48_000, 96_000))
    assert is_linear(work, (half, whole), enough=ENOUGH, factor=3.5)


@pytest.mark.parametrize("behind", ["</p><p>x", "<p>x", "<div>x</div>", "<td>x"])
@pytest.mark.parametrize("mark", ["<b id={}>", "<a href=h{}>", "<font size={}>x"])
def test_marks_that_are_left_open_are_not_repeated_without_end(mark: str, behind: str) -> None:
    """A parser opens them again in each paragraph behind."""
    once, twice = (
        "<p>" + "".join(mark.format(number) for number in range(count)) + behind * count for count in (60, 120)
    )
    assert len(cleaned(twice)) <= 3 * len(cleaned(once))


@pytest.mark.parametrize("text", ["a}}b", "{{a", "{{{{", "{{first_name}} }}", "}}{{"])
def test_half_of_a_pair_is_reported(text: str) -> None:
    assert "{{" in list(unknown_variables(text))


def test_words_around_comments_are_kept() -> None:
    assert plain("<p>one <!-- two > three --> four</p><![if mso]>five") == "one four\n\nfive"
    assert plain("<p>one <!-- two three") == "one"


def models() -> list[type[BaseModel]]:
    """Return every body that a caller can send, and what stands in it."""
    found: dict[str, type[BaseModel]] = {}
    todo = list(Body.__subclasses__())
    while todo:
        model = todo.pop()
        found[f"{model.__module__}.{model.__name__}"] = model
        todo += model.__subclasses__()
    return [found[name] for name in sorted(found)]


ROUTES = [route for router in ROUTERS for route in router.routes]  # so that every body is imported
FIELDS = [(model, name) for model in models() for name in model.model_fields]
LONGEST = 100_000  # as much as any field holds


@pytest.mark.parametrize(("model", "name"), FIELDS, ids=lambda value: getattr(value, "__name__", value))
def test_no_field_takes_long_to_be_judged(model: type[BaseModel], name: str) -> None:
    """Whatever a field takes at most, of any characters: under 50 ms of CPU."""
    for part in (
        "{",
        "<",
        '"',
        "'",
        ",",
        "\n",
        "&",
        "%",
        "#",
        "(",
        "@",
        ".",
        "ü.",
        "\u0301",
        "a@b.",
        "linkedin.com/in/",
        "<div>",
        "<style ",
        "{{email|a}}",
        "{a|",
    ):
        for size in (320, 5_000, LONGEST):
            text = (part * size)[:size]

            def judge(given: str) -> None:
                with suppress(ValidationError):
                    model.model_validate({name: given})

            began = time.process_time()
            judge(text)
            assert time.process_time() - began < 0.05 or cpu(judge, text) < 0.05, (part, size)


def read_rows(media_type: str, body: bytes) -> list[LeadRow]:
    return list(read_list(media_type, body).rows)


FILES = {
    "blank lines": "\n", "carriage returns": "\r", "blanks": " \n", "quotes": '"\n', "pairs of quotes": '""',
    "commas": ",", "open quotes": '"a\n', "rows": "a@example.com,b\n", "one quoted field": 'a,"',
    "marks": "\u0301\n", "ats": "@\n", "semicolons": ";\n", "open and blank": '"\n\n\n', "even quotes": '""""x\n',
    "a quote in each cell": '"x,', "pairs in each cell": '""y,',
    "a quoted word": '"a"b"\n', "doubtful": 'a@b.example,"x,y\n', "tabs": "\t",
}  # fmt: skip


@pytest.mark.parametrize("kind", FILES)
def test_a_file_costs_no_more_than_its_length(kind: str) -> None:
    """Twice the file at most about twice the CPU, and a mebibyte under 0.6 s; what does not fit is refused early."""

    def read(text: str) -> None:
        with suppress(Problem):
            read_rows("text/csv", text.encode())

    half, whole = ("email,first_name\n" + FILES[kind] * (size // len(FILES[kind])) for size in (131_072, 262_144))
    # 0.6 s a mebibyte, and what 10,000 rows take to be judged one by one; doubled for a busy machine.
    assert min(cpu(read, whole) for _ in range(2)) < 2 * (0.6 / 4 + 40e-6 * min(10_000, whole.count("\n")))
    assert is_linear(read, (half, whole), enough=4 * ENOUGH, factor=3.0)


@pytest.mark.parametrize("part", ['{"email":"', "[", "{", "\n", '{"a":', '"', "1\n"])
def test_a_list_of_json_costs_no_more_than_its_length(part: str) -> None:
    def read(text: str) -> None:
        for media_type in ("application/json", "application/x-ndjson"):
            with suppress(Problem):
                read_rows(media_type, text.encode())

    half, whole = (part * (size // len(part)) for size in (131_072, 262_144))
    assert min(cpu(read, whole) for _ in range(2)) < 0.4
    assert is_linear(read, (half, whole), enough=4 * ENOUGH, factor=3.0)


def test_a_file_of_too_many_columns_or_too_long_a_cell_is_reported() -> None:
    with pytest.raises(Problem) as refused:
        read_rows("text/csv", ("email," + "x," * 600 + "\n").encode())
    assert refused.value.code == "too_many_columns"
    rows = read_rows("text/csv", f"email,note\na@example.com,{'x' * 70_000}\nb@example.com,y\n".encode())
    assert [(row.reason, row.notes) for row in rows] == [
        (None, [{"field": "custom.note", "code": "too_long"}]), (None, []),
    ]  # fmt: skip


def test_blank_lines_are_no_rows_and_a_quoted_one_is_kept() -> None:
    rows = read_rows(
        "text/csv", b'email,note\n\n\n\r\n\r\ra@example.com,"one\n\n\ntwo"\n' + b"\n" * 50 + b"b@example.com,x\n"
    )
    assert [(row.lead.email, row.lead.custom) for row in rows] == [
        ("a@example.com", {"note": "one\n\n\ntwo"}), ("b@example.com", {"note": "x"}),
    ]  # fmt: skip
