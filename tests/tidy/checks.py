"""Checks of the source tree. Each takes a Tree and yields "path:line: what is wrong"."""

import ast
import pathlib
import re
import subprocess

import rules


class Tree:
    """The text of the repository's files by path; build trees and ignored files are left out."""

    def __init__(self, files, root=None):
        self.files = files
        self.root = root

    @classmethod
    def of_repository(cls, root):
        root = pathlib.Path(root)
        git = ["git", "-C", root, "-c", "safe.directory=*"]
        listed = subprocess.run(
            [*git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            capture_output=True,
            check=True,
        ).stdout.decode()
        files = {}
        for name in sorted(filter(None, listed.split("\0"))):
            path = root / name
            if not path.is_file():
                continue  # Deleted, but not yet committed.
            data = path.read_bytes()
            files[name] = None if b"\0" in data else data.decode("utf-8", "replace")
        return cls(files, root)

    def text(self, pattern):
        """(path, text) of the text files whose path matches."""
        for path, text in self.files.items():
            if text is not None and re.search(pattern, path):
                yield path, text

    def cpp(self):
        return self.text(r"\.(h|cc)$")


def folder_of(path):
    """The library or service that a file belongs to, or None."""
    match = re.match(r"(libs|services)/(\w+)/", path)
    return match.group(2) if match else None


def blank(match):
    return re.sub(r"[^\n]", " ", match.group(0))


def code_of(text):
    """C++ with comments and the inside of literals blanked, line for line."""
    comment = r"//[^\n]*|/\*.*?\*/"
    raw_string = r'R"(\w*)\(.*?\)\1"'
    character = r"(?<!\w)'(?:\\.|[^'\\\n])+'"
    string = r'(?<!#include )"(?:\\.|[^"\\\n])*"'
    return re.sub(f"{comment}|{raw_string}|{character}|{string}", blank, text, flags=re.S)


def includes_of(text):
    for number, line in enumerate(text.split("\n"), 1):
        match = re.match(r'#include ([<"])([^>"]+)[>"]', line)
        if match:
            yield number, match.group(2)


def check_graph(tree):
    """Includes and CMake dependencies follow the library graph."""
    allowed = {**rules.LIBRARIES, **rules.SERVICES}
    for path, text in tree.cpp():
        own = folder_of(path)
        if own not in allowed:
            if own is not None:
                yield f"{path}:1: {own} is not in the library graph (tests/tidy/rules.py)"
            continue
        for number, header in includes_of(text):
            used = header.split("/")[0]
            if "/" in header and used in allowed and used != own and used not in allowed[own]:
                yield f"{path}:{number}: {own} may not use {used}"
    for path, text in tree.text(r"^(libs|services)/\w+/CMakeLists\.txt$"):
        own = folder_of(path)
        library = re.search(r"kindred_library\(([^)]*)\)", text)
        for used in re.findall(r"[\w:]+", library.group(1)) if library else []:
            if used in allowed and used not in allowed[own] | {own}:
                yield f"{path}:1: {own} may not depend on {used}"


def check_graph_table(tree):
    """The table in libs/README.md is the graph that is enforced, and the tree has its folders."""
    text = tree.files.get("libs/README.md") or ""
    table = {}
    for line in text.split("\n"):
        cells = [cell.strip() for cell in line.split("|")]
        name = re.fullmatch(r"\[?`?(\w+)`?(\]\(.*\))?", cells[1]) if len(cells) >= 5 else None
        if name and name.group(1) in rules.LIBRARIES:
            table[name.group(1)] = set(re.findall(r"\w+", cells[3]))
    for library, uses in rules.LIBRARIES.items():
        told = table.get(library)
        if told != uses:
            yield f"libs/README.md:1: {library} may use {sorted(uses)}, the table says {told}"
    folders = {folder_of(path) for path in tree.files if path.startswith("libs/")} - {None}
    for library in folders ^ set(rules.LIBRARIES):
        yield f"libs/README.md:1: {library} is in the graph or in the tree, not in both"


def check_third_party(tree):
    """A third-party header appears only where it is owned; pure libraries include no I/O."""
    for path, text in tree.cpp():
        own = folder_of(path)
        if own is None:
            continue
        production = not re.search(r"_(test|bench|fuzz)\.cc$", path)
        for number, header in includes_of(text):
            for pattern, owners in rules.THIRD_PARTY:
                if pattern.match(header) and own not in owners:
                    yield f"{path}:{number}: <{header}> belongs to {', '.join(sorted(owners))}"
            if own in rules.PURE and production and rules.IMPURE_HEADERS.match(header):
                yield f"{path}:{number}: {own} is pure: no <{header}>"


def check_bans(tree):
    """Banned calls and words; each with what to write instead."""
    for path, text in tree.cpp():
        lines = code_of(text).split("\n")
        for ban in (ban for ban in rules.BANNED_CODE if ban.applies_to(path)):
            for number, line in enumerate(lines, 1):
                match = ban.pattern.search(line)
                if match:
                    yield f"{path}:{number}: {match.group(0).strip()} - instead: {ban.instead}"
    for path, text in tree.text(r"^(?!tests/tidy/)"):
        for ban in (ban for ban in rules.BANNED_TEXT if ban.applies_to(path)):
            for number, line in enumerate(text.split("\n"), 1):
                match = ban.pattern.search(line)
                if match:
                    yield f"{path}:{number}: {match.group(0)!r} - instead: {ban.instead}"


def functions_of(text):
    """(first line, last line, name) of every function body in C++."""
    code = re.sub(r"^#.*(\\\n.*)*$", blank, code_of(text), flags=re.M)
    stack = []
    since = 0  # Where the current declaration begins.
    for at, char in enumerate(code):
        if char == "{":
            head = code[since:at].strip()
            inside = bool(stack) and stack[-1][0] != "container"
            if inside:
                kind = "block"
            elif re.search(r"(^|[\s>])(namespace|class|struct|union|enum|extern)\b[^()=]*$", head):
                kind = "container"
            elif re.search(r"\w+\s*\(", head) and not re.search(r"=\s*$", head):
                kind = "function"
            else:
                kind = "block"
            begin = since + len(code[since:at]) - len(code[since:at].lstrip())
            stack.append((kind, begin, head))
        elif char == "}" and stack:
            kind, begin, head = stack.pop()
            if kind == "function":
                name = re.search(r"([~\w:]+)\s*\(", head).group(1)
                yield code.count("\n", 0, begin) + 1, code.count("\n", 0, at) + 1, name
        if char in "{};" and not any(entry[0] == "function" for entry in stack):
            since = at + 1


def check_lengths(tree):
    """Files, functions and lines are short enough to be read."""
    for path, text in tree.cpp():
        limit = rules.HEADER_LINES_MAX if path.endswith(".h") else rules.SOURCE_LINES_MAX
        lines = text.count("\n")
        if lines > limit:
            yield f"{path}:{limit}: {lines} lines, at most {limit}: split it by what it answers"
        for first, last, name in functions_of(text):
            if last - first + 1 > rules.FUNCTION_LINES_MAX:
                yield (
                    f"{path}:{first}: {name} has {last - first + 1} lines, "
                    f"at most {rules.FUNCTION_LINES_MAX}"
                )
    for path, text in tree.text(r"\.(proto|py|sh|md)$"):
        prose = path.endswith((".md", ".proto"))
        limit = rules.PROSE_COLUMNS_MAX if prose else rules.LINE_COLUMNS_MAX
        # What stands between ``` is pasted into a terminal as it is.
        text = re.sub(r"^```.*?^```", blank, text, flags=re.S | re.M) if prose else text
        for number, line in enumerate(text.split("\n"), 1):
            if len(line.rstrip()) > limit and "http" not in line and not line.startswith("|"):
                yield f"{path}:{number}: {len(line)} columns, at most {limit}"


def check_built(tree):
    """Every source is in a CMake list, every test, fuzz target and benchmark in the right call."""
    calls = {
        "_test.cc": "kindred_test",
        "_fuzz.cc": "kindred_fuzz",
        "_bench.cc": "kindred_(bench|binary)",
    }
    lists = {path.rpartition("/")[0]: text for path, text in tree.text(r"CMakeLists\.txt$")}
    included = {header for _, text in tree.cpp() for _, header in includes_of(text)}
    for path, _ in tree.cpp():
        folder, name = path.rpartition("/")[0], path.rpartition("/")[2]
        while folder and folder not in lists:
            name = folder.rpartition("/")[2] + "/" + name
            folder = folder.rpartition("/")[0]
        text = lists.get(folder, "")
        named = rf"(?<![\w/.]){re.escape(name)}(?![\w.])"
        if path.endswith(".h"):
            if path.split("/", 1)[1] not in included and not re.search(named, text):
                yield f"{path}:1: nothing includes it"
            continue
        if path in lists.get("", ""):
            continue  # The top-level list names it in full: part of every target of a kind.
        if not re.search(named, text):
            yield f"{path}:1: not in {folder}/CMakeLists.txt: nothing builds it"
            continue
        for suffix, call in calls.items():
            if not path.startswith("tests/") and path.endswith(suffix) and not any(
                re.search(named, body.group(0)) for body in re.finditer(rf"{call}\([^)]*\)", text)
            ):
                yield f"{path}:1: not in a {call}() call"


def check_file_names(tree):
    """A file's name says what is in it."""
    for path in tree.files:
        name = path.rpartition("/")[2]
        if rules.BANNED_FILE_NAME.search(name):
            yield f"{path}:1: the name does not say what is in it"
        if re.search(r"\.(h|cc|proto|py)$", name) and not re.fullmatch(r"[a-z0-9_]+\.\w+", name):
            yield f"{path}:1: file names are snake_case"


def check_guards(tree):
    """Include guards and namespaces follow the path."""
    for path, text in tree.text(r"^(libs|services)/.*\.h$"):
        stem = re.sub(r"\W", "_", path.split("/", 1)[1]).upper()
        guard = f"KINDRED_{stem}_"
        if f"#ifndef {guard}\n#define {guard}\n" not in text or f"#endif  // {guard}" not in text:
            yield f"{path}:1: the include guard is {guard}"
        if "namespace" in code_of(text) and f"namespace kindred::{folder_of(path)}" not in text:
            yield f"{path}:1: the namespace is kindred::{folder_of(path)}"


def check_readmes(tree):
    """Every library and service says why it is there, and the paths that documents name exist."""
    for folder in sorted({"/".join(p.split("/")[:2]) for p in tree.files if folder_of(p)}):
        code = any(path.startswith(folder + "/") and path.endswith(".cc") for path in tree.files)
        if code and len(tree.files.get(f"{folder}/README.md") or "") < 300:
            yield f"{folder}/README.md:1: missing, or too short: what is it for, why is it so?"
    stems = {path.rpartition(".")[0] for path in tree.files}
    folders = {parent for path in tree.files for parent in map(str, pathlib.Path(path).parents)}
    for path, text in tree.text(r"\.md$"):
        for number, line in enumerate(text.split("\n"), 1):
            for named in re.findall(
                r"`\.?/?((?:libs|services|proto|deploy|tests|bench)/[\w./-]*)[`\s]", line
            ):
                if not {named.rstrip("/.")} & (tree.files.keys() | folders | stems):
                    yield f"{path}:{number}: there is no {named}"


def check_protos(tree):
    """Every field, enum value, service and call of a proto has a comment of its own above it."""
    declared = re.compile(
        r"^\s*(service \w+ \{|rpc \w+"
        r"|(repeated |optional )?(map<.*>|[\w.]+) \w+ = \d+|[A-Z][A-Z0-9_]+ = \d+)"
    )
    for path, text in tree.text(r"\.proto$"):
        lines = text.split("\n")
        for number, line in enumerate(lines, 1):
            if declared.match(line) and not lines[number - 2].strip().startswith("//"):
                yield f"{path}:{number}: no comment above: {line.strip()}"


def check_scripts(tree):
    """Shell and Python scripts parse."""
    for path, text in tree.text(r""):
        if re.match(r"#!.*\bbash\b", text) or path.endswith(".sh"):
            result = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True)
            if result.returncode != 0:
                yield f"{path}:1: {result.stderr.strip()}"
            file = tree.root / path if tree.root else None
            if text.startswith("#!") and file and not file.stat().st_mode & 0o100:
                yield f"{path}:1: has a shebang, but is not executable"
        elif path.endswith(".py"):
            try:
                ast.parse(text)
            except SyntaxError as error:
                yield f"{path}:{error.lineno}: {error.msg}"


def check_sizes(tree):
    """Files end in a line end; the data in the repository stays small."""
    for path, text in tree.text(rules.WRITTEN):
        if text and (not text.endswith("\n") or text.endswith("\n\n")):
            yield f"{path}:1: ends in exactly one line end"
    if tree.root:
        paths = [path for path in tree.files if path.startswith("tests/data/")]
        data = sum((tree.root / path).stat().st_size for path in paths)
        if data > rules.DATA_BYTES_MAX:
            yield f"tests/data:1: {data} bytes, at most {rules.DATA_BYTES_MAX}"


def check_format(tree):
    """clang-format has nothing to change."""
    if not tree.root:
        return
    paths = [path for path, _ in tree.cpp()]
    halves = [paths[0::2], paths[1::2]]
    running = [
        subprocess.Popen(
            ["clang-format", "--dry-run", "--Werror", "--ferror-limit=1", *half],
            cwd=tree.root,
            stderr=subprocess.PIPE,
            text=True,
        )
        for half in halves
        if half
    ]
    for process in running:
        for line in process.communicate()[1].split("\n"):
            match = re.match(r"(\S+:\d+):\d+: error: ", line)
            if match:
                yield f"{match.group(1)}: run clang-format -i on it"


CHECKS = [value for name, value in list(globals().items()) if name.startswith("check_")]
