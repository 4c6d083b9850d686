"""docs/examples/crawler.py: every page is read once, by so many processes and no more at a time."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys

import pytest
from example_programs import ENVIRONMENT, SECONDS, command, serving

PAGES = 200


def page(number):
    """Links to the next ones, to the first one, to itself and out of the site; 100 words."""
    links = [f"{2 * number + 1}.html", f"{2 * number + 2}.html", "./", f"{number}.html#there"]
    body = "".join(
        f'<a href="{link}">word</a>\n'
        for link in links
        if not link[0].isdigit() or int(link.split(".")[0]) < PAGES
    )
    words = 100 - body.count("word")
    return f'<title></title><a href="http://127.0.0.1:9/away"></a>{body}{"Page, " * words}'


def serve(folder):
    module = ["-u", "-m", "http.server", "--directory", str(folder)]
    return [sys.executable, *module, "--bind", "127.0.0.1", "0"]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The address of a site whose pages are a tree, served by Python's own server."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "index.html").write_text(page(0))
    for number in range(PAGES):
        (folder / f"{number}.html").write_text(page(number))
    with serving(serve(folder)) as server:
        yield f"http://127.0.0.1:{server.port}/", folder


def crawl(url, *args):
    done = subprocess.run(
        command("crawler.py", url, *args),
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines(), done.stderr


def test_every_page_of_a_site_is_read_once(site):
    url, _ = site
    (summary, *words), errors = crawl(url)
    # The first page has two names.
    assert summary.startswith(f"{PAGES + 1} pages, {(PAGES + 1) * 100} words, "), summary
    assert [word.split()[1] for word in words] == ["page", "word"]
    assert errors == ""


def test_a_page_that_cannot_be_had_is_named_and_the_others_are_read(site):
    url, folder = site
    missing = folder / "7.html"
    text = missing.read_text()
    missing.unlink()
    try:
        (first, second, *_), errors = crawl(url)
    finally:
        missing.write_text(text)
    assert first == f"{url}7.html: HTTP Error 404: File not found"
    # What only that page leads to is not found: 15, 16, and so on, 2, 4, 8... pages.
    assert int(second.split()[0]) == PAGES + 1 - len(below(7))
    assert errors == ""


def below(number):
    """The pages to which this one leads."""
    children = [child for child in (2 * number + 1, 2 * number + 2) if child < PAGES]
    return children + [page for child in children for page in below(child)]


def test_who_brings_pages_waits_for_who_counts_them(tmp_path):
    # Pages whose words take longer to count than to fetch.
    text = "word " * 100_000
    for number in range(40):
        (tmp_path / f"{number}.html").write_text(text)
    links = "".join(f'<a href="{number}.html"></a>' for number in range(40))
    (tmp_path / "index.html").write_text(links)
    with serving(serve(tmp_path)) as server:
        (summary, *_), _ = crawl(f"http://127.0.0.1:{server.port}/", "--processes", 40)
    assert summary == "41 pages, 4000000 words, at most 10 pages waited"


def test_ctrl_c_ends_the_crawler_in_the_middle():
    # A server that accepts connections, and does not answer.
    with socket.create_server(("127.0.0.1", 0)) as silent:
        crawler = subprocess.Popen(
            command("crawler.py", f"http://127.0.0.1:{silent.getsockname()[1]}/"),
            env=ENVIRONMENT,
            stderr=subprocess.PIPE,
            text=True,
        )
        connection, _ = silent.accept()
        with connection:
            crawler.send_signal(signal.SIGINT)
        # As ever, Python ends when its threads have: the one that fetches has nothing to wait for.
        _, errors = crawler.communicate(timeout=SECONDS)
    assert crawler.returncode == -signal.SIGINT
    assert errors.endswith("\nKeyboardInterrupt\n")
