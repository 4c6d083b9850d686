"""A crawler: follows the links of a site, and counts its words.

It shows a process for each page, with a bounded number of them at once; a monitor for each, so that
a page which cannot be had costs that page alone; and backpressure: the mailbox of the process that
counts words holds a few pages, and who brings one more waits until there is room.

    python -m http.server --directory site --bind 127.0.0.1 8001
    python docs/examples/crawler.py http://127.0.0.1:8001/

A site of 200 small pages takes a second, most of it in the server.
"""

from __future__ import annotations

import argparse
import re
from collections import Counter, deque
from html.parser import HTMLParser
from urllib.parse import urldefrag, urljoin
from urllib.request import urlopen

import csched
from csched import Down, Pid, process_info, receive, send, spawn_monitor, spawn_opt, to_thread

WAITING_MAX = 10  # Pages in the mailbox of the process that counts.


class Page(HTMLParser):
    """The links and the text of a page."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.text: list[str] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.links += [value for name, value in attributes if name == "href" and value]

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read(url: str) -> str:
    """Blocks, so it is for a thread."""
    with urlopen(url, timeout=30) as response:
        return str(response.read().decode(errors="replace"))


def fetch(url: str, crawler: Pid, index: Pid) -> None:
    """The process of a page."""
    try:
        page = Page(to_thread(read, url))
    except OSError as error:
        csched.exit(str(error))  # Not worth a traceback, as a crash would be.
    links = {urldefrag(urljoin(url, link)).url for link in page.links}
    send(crawler, ("links", links))
    send(index, ("text", " ".join(page.text)))  # Waits while the mailbox is full.


def count_words() -> None:
    """Counts the words of all pages; the most that ever waited for it is counted, too."""
    words: Counter[str] = Counter()
    waiting_max = 0
    while True:
        waiting_max = max(waiting_max, process_info(csched.self(), "message_queue_len"))
        match receive():
            case ("text", text):
                words.update(re.findall(r"\w+", text.lower()))
            case ("result", sender):
                send(sender, ("words", words, waiting_max))


def main(start: str, processes_max: int) -> None:
    index = spawn_opt(count_words, link=True, mailbox_limit=WAITING_MAX)
    seen = {start}
    to_fetch = deque([start])
    fetching: dict[Pid, str] = {}
    while to_fetch or fetching:
        while to_fetch and len(fetching) < processes_max:
            url = to_fetch.popleft()
            pid, _ = spawn_monitor(fetch, url, csched.self(), index)
            fetching[pid] = url
        match receive():
            case ("links", links):
                new = {link for link in links if link.startswith(start)} - seen
                seen |= new
                to_fetch.extend(sorted(new))
            case Down(object=pid, reason=reason):
                url = fetching.pop(pid)
                if reason != "normal":
                    print(f"{url}: {reason}")
    send(index, ("result", csched.self()))
    _, words, waiting_max = receive(("words", Counter, int))
    print(f"{len(seen)} pages, {words.total()} words, at most {waiting_max} pages waited")
    for word, count in words.most_common(5):
        print(f"{count:8} {word}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Follow the links of a site and count its words.")
    parser.add_argument("url", help="where to start; what does not begin with it is left out")
    parser.add_argument("--processes", type=int, default=20, help="pages that are fetched at once")
    options = parser.parse_args()
    csched.run(main, options.url, options.processes)
