"""A hook of MkDocs: the README is the first page, the changelog is a page, and a link to a
file outside of docs/ is its text, since no host has the sources yet."""
import posixpath
import re
from pathlib import Path

from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)#\s]*)(#[^)\s]*)?\)")
COMMENT = re.compile(r"<!-- .*? -->\n?")


def on_files(files, config):
    for name, source in {"index.md": "README.md", "changelog.md": "CHANGELOG.md"}.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        text = re.sub(r"\]\(docs/", "](", text)
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown, page, config, files):
    here = posixpath.dirname(page.file.src_uri)

    def resolve(match):
        text, path, anchor = match.group(1), match.group(2), match.group(3) or ""
        if not path or re.match(r"[a-z]+:", path):
            return match.group(0)
        target = posixpath.normpath(posixpath.join(here, path))
        if target in ("../README.md", "../CHANGELOG.md"):
            return f"[{text}]({'index.md' if target.endswith('README.md') else 'changelog.md'}{anchor})"
        if files.get_file_from_path(target):
            return match.group(0)
        return text

    return LINK.sub(resolve, COMMENT.sub("", markdown))
