"""Write leads_5000.csv, a list as untidy as the ones agencies send, and the truth about its rows."""

import argparse
import json
import random
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

SEED = 20260711
HERE = Path(__file__).resolve().parent
CSV, EXPECTED = HERE / "leads_5000.csv", HERE / "leads_5000.expected.json"
HEADER = "Email,First Name,Last Name,Company Name,Title,City,Personal Line"

ROWS, REPEATS, BLANK_LINES, EACH_INVALID = 5000, 180, 12, 4
BROKEN = {"too_many_columns": 9, "nul_character": 4, "not_utf8": 6, "only_commas": 5}
MENDED = ("nul_character", "not_utf8")  # a cell is damaged that the row can do without
GOOD_VARIANTS = {"address_only": 12, "line_break": 60, "doubled_quote": 60}
# The column where the unclosed quote stands, and the good row directly below it.
UNCLOSED = [
    (1, "plain"),
    (6, "line_break"),
    (0, "good"),
    (3, "address_only"),
    (6, "doubled_quote"),
    (4, "plain"),
]
OPENING, TAIL = 30, 12  # good rows first; after the last unclosed quote no quote follows in the file

FIRST = (
    "Maria John Ana Peter Laura Mark Julia Paul Emma Lucas Nina Oscar Clara Hugo Alice Bruno Eva Simon Ruth "
    "Adam Grace Noah Irene Felix Diana Victor Helen Martin Sofia Daniel Olga Robert Anita Kevin Paula Wanda"
)
LAST = (
    "Silva Smith Costa Brown Keller Jones Novak Meyer Rossi Clark Lopez Young Bauer Scott Moreau Green Hill "
    "Baker Romano Fischer Weber Adams Jansen Nelson Marino Carter Berg Turner Lind Parker Duarte Evans Holm"
)
WORLD = [  # first name, last name, and how the two are spelled in the address
    ("José", "Núñez", "jose", "nunez"),
    ("Zoë", "Brontë", "zoe", "bronte"),
    ("Jürgen", "Groß", "juergen", "gross"),
    ("Søren", "Ødegård", "soren", "odegard"),
    ("Łukasz", "Żółć", "lukasz", "zolc"),
    ("Şebnem", "İnce", "sebnem", "ince"),
    ("Анна", "Иванова", "anna", "ivanova"),
    ("Дмитрий", "Щербаков", "dmitry", "shcherbakov"),
    ("Олена", "Коваленко", "olena", "kovalenko"),
    ("太郎", "田中", "taro", "tanaka"),
    ("伟", "王", "wei", "wang"),
    ("민준", "김", "minjun", "kim"),
    ("محمد", "الأحمد", "mohammed", "alahmad"),
    ("ليلى", "حداد", "layla", "haddad"),
    ("Ελένη", "Παππά", "eleni", "pappa"),
    ("Sunny \U0001f31e", "Day", "sunny", "day"),
    ("Ada \U0001f469\u200d\U0001f4bb", "Byron", "ada", "byron"),
    ("Rene\u0301", "Lefe\u0300vre", "rene", "lefevre"),
    ("Nguye\u0302\u0303n", "Tra\u0302\u0300n", "nguyen", "tran"),
    ("Seán", "O'Neill", "sean", "oneill"),
]
COMPANIES = [  # the name and the first label of its domain
    ("Northwind", "northwind"),
    ("Contoso", "contoso"),
    ("Fabrikam", "fabrikam"),
    ("Blue Harbor", "blue-harbor"),
    ("Tall Oaks", "tall-oaks"),
    ("Redline Freight", "redline-freight"),
    ("Papertrail", "papertrail"),
    ("Kitestring", "kitestring"),
    ("Bright Anvil", "bright-anvil"),
    ("Lowland Dairy", "lowland-dairy"),
    ("Silver Birch", "silver-birch"),
    ("Quiet Engines", "quiet-engines"),
    ("Stonebridge", "stonebridge"),
    ("Opal Works", "opal-works"),
    ("Saltmarsh", "saltmarsh"),
    ("Hollis, Grant & Co.", "hollis-grant"),
    ("Meridian Tools, Inc.", "meridian"),
    ('The "Corner" Bakery', "corner-bakery"),
    ("Müller & Söhne GmbH", "mueller-soehne"),
    ("Café Lumière", "cafe-lumiere"),
    ("株式会社みどり", "midori"),
]
TITLES = ["CEO", "Head of Sales", "VP, Sales", "Founder", "Director, Operations", "Buyer", ""]
CITIES = ["Lisbon", "Austin, TX", "São Paulo", "Zürich", "Leeds", "Kraków", "東京", "القاهرة", ""]
LINES = [
    "Congratulations on the new office",
    "Your last post, the one on hiring, made me think",
    'Loved the phrase "sell the hole, not the drill"',
    "Great to see the team growing \U0001f680",
    "Saw that you moved into wholesale this spring",
    "",
]
BREAKS = [
    "Saw your talk.\r\nIt stayed with me, truly",
    "Two things:\n- the launch\n- the team",
    "Hi!\r\n\r\nShort question",
]
DOUBLED = ['"Quiet growth" was the best talk of the day', 'I keep quoting "less, but better"', '"Bravo"']

INVALID = {  # forms of an address that can never be one; {0} is a local part, {1} a domain
    "no_at": ["{0}.{1}", "{0}{1}", "{0}#{1}", "{0}(at){1}"],
    "two_at": ["{0}@@{1}", "{0}@sales@{1}", "@{0}@{1}", "{0}@{1}@"],
    "space_inside": ["{0} x@{1}", "{0}@ {1}", "{0} @{1}", "{0}@mail .{1}"],
    "empty": ["", " ", "", "   "],
    "trailing_dot": ["{0}@{1}."] * 4,
    "not_available": ["n/a", "N/A", "n/a", " N/A "],
    "no_domain": ["{0}@"] * 4,
    "no_local_part": ["@{1}"] * 4,
    "display_name": ["John <{0}@{1}>", "Silva, Maria <{0}@{1}>", '"Anna" <{0}@{1}>', "Paul Berg <{0}@{1}>"],
    "comma_for_dot": ["{0}@mail,{1}", "{0}@mail.example,com", "{0}@mail,{1}", "{0}@mail.example,org"],
}
NOT_UTF8 = [
    (1, b"Jos\xe9"),
    (2, b"M\xfcller"),
    (3, b"Caf\xe9 Lumi\xe8re"),
    (5, b"\xe2\x82"),
    (6, b"\xed\xa0\x80"),
    (6, b"\xff"),
]


def quote(value: str) -> str:
    """Return the value between quotes, its own quotes doubled."""
    return '"' + value.replace('"', '""') + '"'


def cell(value: str) -> str:
    """Return the value as it stands in the file, quoted only where it must be."""
    return quote(value) if any(mark in value for mark in ',"\r\n') else value


@dataclass
class LeadList:
    """The file as written so far, and what was meant by each of its rows."""

    rng: random.Random = field(default_factory=lambda: random.Random(SEED))
    lines: list[bytes] = field(default_factory=list)
    good: list[str] = field(default_factory=list)
    first_of: dict[str, str] = field(default_factory=dict)
    after_unclosed: list[str] = field(default_factory=list)
    mended: list[str] = field(default_factory=list)  # read in spite of the damage
    written: Counter[str] = field(default_factory=Counter)
    taken: set[str] = field(default_factory=set)

    def person(self) -> tuple[str, str, list[str]]:
        """Return a new local part, its domain, and the six columns after the address."""
        rng = self.rng
        first, last = rng.choice(FIRST.split()), rng.choice(LAST.split())
        spelled = (first.lower(), last.lower())
        if rng.random() < 0.12:
            first, last, *spelling = rng.choice(WORLD)
            spelled = (spelling[0], spelling[1])
        company, label = rng.choice(COMPANIES)
        domain = f"{label}.example.{rng.choice(['com', 'com', 'org', 'net'])}"
        shape = rng.choice(["{0}.{1}", "{0}.{1}", "{0}", "{2}.{1}", "{0}_{1}", "{0}{1}", "{1}-{0}"])
        local = self.new_local(shape.format(*spelled, spelled[0][0]), domain)
        missing = rng.random()
        if missing < 0.08:
            first = ""
        if missing < 0.03 or missing > 0.95:
            last = ""
        columns = [first, last, company, rng.choice(TITLES), rng.choice(CITIES), rng.choice(LINES)]
        return local, domain, columns

    def new_local(self, wanted: str, domain: str) -> str:
        """Return the wanted local part, numbered when the domain already has it."""
        local, number = wanted, 1
        while f"{local}@{domain}" in self.taken:
            number += 1
            local = f"{wanted}{number}"
        self.taken.add(f"{local}@{domain}")
        return local

    def dress(self, address: str, *, recase: float = 0.15, pad: float = 0.05) -> str:
        """Return the address as people type it: sometimes in mixed case, sometimes between spaces."""
        rng = self.rng
        if rng.random() < recase:
            address = rng.choice([address.upper(), address.title(), address[0].upper() + address[1:]])
        if rng.random() < pad:
            address = rng.choice([" {}", "{} ", "  {}", " {}  "]).format(address)
        return address

    def put(self, values: list[str]) -> None:
        """Write a well-formed row, now and then with every column quoted."""
        style = quote if self.rng.random() < 0.05 else cell
        self.put_raw(",".join(style(value) for value in values).encode())

    def put_raw(self, line: bytes) -> None:
        self.lines.append(line + b"\r\n")

    def add_good(self, variant: str) -> str:
        """Write a good person, in the given variant, and return the normalised address."""
        local, domain, columns = self.person()
        address = f"{local}@{domain}"
        if variant == "plain":
            plain = ["" if cell(value) != value else value for value in columns]
            self.put_raw(",".join([self.dress(address), *plain]).encode())
        elif variant == "address_only":
            self.put_raw(self.dress(address).encode())
        else:
            extra = {"line_break": BREAKS, "doubled_quote": DOUBLED}.get(variant)
            columns[5] = self.rng.choice(extra) if extra else columns[5]
            self.put([self.dress(address), *columns])
        self.good.append(address)
        self.first_of.setdefault(variant, address)
        return address

    def add_repeat(self) -> None:
        """Write an earlier good address again, half the time in another case."""
        address = self.rng.choice(self.good)
        self.put([self.dress(address, recase=0.5, pad=0.1), *self.person()[2]])

    def add_invalid(self, kind: str, nth: int) -> None:
        """Write a well-formed row whose address can never be one."""
        local, domain, columns = self.person()
        address = INVALID[kind][nth].format(local, domain)
        self.put_raw(",".join(cell(value) for value in [address, *columns]).encode())

    def add_broken(self, kind: str, nth: int) -> None:
        """Write a row that is damaged itself, whatever its address."""
        local, domain, columns = self.person()
        values = [cell(value).encode() for value in [f"{local}@{domain}", *columns]]
        if kind == "too_many_columns":
            values[6] = [b"Hello, again", b"one,two,three", b"Nice site, nice team, nice town"][nth % 3]
        elif kind == "nul_character":
            values[[1, 3, 4, 6][nth]] = b"ab\0cd"
        elif kind == "not_utf8":
            column, damage = NOT_UTF8[nth]
            values[column] = damage
        else:
            values = [b""] * 7
        self.put_raw(b",".join(values))
        if kind in MENDED:
            self.mended.append(f"{local}@{domain}")

    def add_unclosed(self, column: int, below: str) -> None:
        """Write a row with a quote that nothing closes, and a good row directly below it."""
        local, domain, columns = self.person()
        values = [value.replace('"', "").replace(",", "") for value in [f"{local}@{domain}", *columns]]
        values[column] = '"' + (values[column] or "Acme")
        self.put_raw(",".join(values).encode())
        self.mended.append(f"{local}@{domain}")
        self.after_unclosed.append(self.add_good(below))

    def write(self, what: str) -> None:
        """Write the next row of the plan and count it."""
        nth = self.written[what]
        self.written[what] += 1
        if what in INVALID:
            self.add_invalid(what, nth)
        elif what in BROKEN:
            self.add_broken(what, nth)
        elif what == "unclosed_quote":
            self.add_unclosed(*UNCLOSED[nth])
        elif what == "repeat":
            self.add_repeat()
        elif what == "blank":
            self.put_raw(b"")
        else:
            self.add_good(what)


def plan(rng: random.Random) -> list[str]:
    """Return what each row is to be, dirt spread evenly; an unclosed quote brings its good row along."""
    wanted = {"repeat": REPEATS, **dict.fromkeys(INVALID, EACH_INVALID), **BROKEN, **GOOD_VARIANTS}
    middle = [what for what, count in wanted.items() for _ in range(count)]
    middle += ["good"] * (ROWS - OPENING - TAIL - len(middle) - 2 * len(UNCLOSED))
    middle += ["blank"] * BLANK_LINES
    rng.shuffle(middle)
    step = len(middle) // len(UNCLOSED)
    for nth in range(1, len(UNCLOSED)):
        middle.insert(nth * step, "unclosed_quote")
    return ["good"] * OPENING + middle + ["unclosed_quote"] + ["plain"] * TAIL


def truth(leads: LeadList) -> dict[str, object]:
    """Return what a careful reader must find, counted while the rows were written."""
    kinds = {kind: leads.written[kind] for kind in [*INVALID, *(each for each in BROKEN if each not in MENDED)]}
    kinds.pop("only_commas")  # they are empty, and are no rows
    good = len(leads.good) + len(leads.mended) + kinds.pop("display_name")  # an address is taken out of its cell
    others = [leads.first_of[variant] for variant in ("good", "address_only", "line_break")]
    return {
        "rows": good + leads.written["repeat"] + sum(kinds.values()),
        "good": good,
        "duplicates": leads.written["repeat"],
        "invalid": sum(kinds.values()),
        "invalid_kinds": kinds,
        "sample_good": [*others, *leads.after_unclosed, leads.good[-1]],
    }


def make() -> dict[Path, bytes]:
    """Return the bytes of both files."""
    leads = LeadList()
    for what in plan(leads.rng):
        leads.write(what)
    csv = b"\xef\xbb\xbf" + HEADER.encode() + b"\r\n" + b"".join(leads.lines)
    return {CSV: csv, EXPECTED: (json.dumps(truth(leads), indent=2) + "\n").encode()}


def main() -> int:
    """Write both files, or with --check say which of them differ from what would be written."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare with the files, write nothing")
    only_check, stale = parser.parse_args().check, 0
    for path, content in make().items():
        if not only_check:
            path.write_bytes(content)
        elif not path.is_file() or path.read_bytes() != content:
            print(f"{path.name} is not what make_leads.py writes")
            stale = 1
    return stale


if __name__ == "__main__":
    sys.exit(main())
