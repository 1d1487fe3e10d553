"""What a statement gives as a file of any length: CSV line by line, Parquet from a file that is written meanwhile.

Nothing is held as a whole. A line waits until it is wanted, and the statement with it; Parquet is written at DuckDB's
own pace into a file of ours, which is read behind it, and is gone afterwards whatever happens. Whoever stops taking
stops the statement.
"""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import AsyncGenerator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

import duckdb
from duckdb import DuckDBPyConnection

from gateway import logs
from gateway.errors import ControlUnavailable, GatewayError
from gateway.threads import begun

from .cells import columns_of, csv_header, csv_lines, none_of
from .pipe import Pipe, Unwanted
from .run import Lend, Run, be_nice, insist

Format = Literal["csv", "parquet"]
FORMATS: tuple[Format, ...] = get_args(Format)

EXPORTS = 2
"""How many run at once; one more is refused, since each may take long."""

EXPORT_SECONDS = 3600.0
"""How long one may take, however slowly it is taken."""

LINES_AT_ONCE = 500
ROWS_OF_A_GROUP = 30_000
"""Of Parquet: what is in memory before it is written."""

PIECE_BYTES = 256 * 1024
LOOK_SECONDS = 0.05
"""How often is looked whether the file has grown."""

READ_ONLY = "begin transaction read only"

COPY = """copy (
{text}
) to $exported_to (format parquet, compression zstd, row_group_size {rows}, use_tmp_file false)"""

log = logs.get("gateway.store.asking.exports")

Guard = Callable[[DuckDBPyConnection, Run], AbstractContextManager[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be exported, and how. What can be called is called on the thread that runs the statement."""

    text: Callable[[DuckDBPyConnection], str]
    """The statement. May raise a GatewayError."""
    tell: Callable[[Exception, Run], GatewayError]
    """What is to be said of an error."""
    parameters: Mapping[str, object] = field(default_factory=dict)
    form: Format = "csv"
    seconds: float = EXPORT_SECONDS
    guard: Guard = lambda cursor, run: nullcontext()
    """Within which it runs."""
    on_end: Callable[[], None] = lambda: None
    """Called on the event loop when nothing of it is left."""


class Exports:
    """The exports of one store; files are made in `directory`, which the store may write to."""

    def __init__(self, lend: Lend, directory: Path) -> None:
        self._lend, self._directory = lend, directory
        self._threads = begun(EXPORTS, "export", be_nice)
        self._numbers = itertools.count(1)
        self.under_way = 0
        """How many there are."""

    def tidy(self) -> None:
        """Make the directory, and remove what a process has left there that was killed. Raises OSError."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self.under_way:
            for path in self._directory.glob("*.parquet"):
                path.unlink(missing_ok=True)

    def end(self) -> None:
        """Let the threads go."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def begin(self, wanted: Wanted, run: Run | None = None) -> Pieces:
        """The bytes, piece by piece, none of them empty; the first one is there when this returns, and with it the
        first rows, so that what does not work at all is told at once. Raises what `wanted` tells, and
        ControlUnavailable; so do the pieces, and what has begun then ends in the middle."""
        if self.under_way >= EXPORTS:
            wanted.on_end()
            raise ControlUnavailable(f"{EXPORTS} exports are running; try again when one is done.", retry_after=10)
        job = _Job(wanted, run or Run(), self._ended)
        self.under_way += 1
        pieces = self._csv(job) if wanted.form == "csv" else self._parquet(job)
        try:
            first = await anext(pieces)
        except BaseException:
            await pieces.aclose()
            raise
        return Pieces(first, pieces, job)

    async def _csv(self, job: _Job) -> AsyncGenerator[bytes, None]:
        pipe = Pipe()
        job.run.on_stop = pipe.close
        job.begin(self._threads, lambda: self._write_lines(job, pipe))
        try:
            while (piece := await pipe.take()) is not None:
                yield piece
            await job.done()
        finally:
            pipe.close()
            job.leave()

    async def _parquet(self, job: _Job) -> AsyncGenerator[bytes, None]:
        job.path = path = self._directory / f"{os.getpid()}-{next(self._numbers)}.parquet"
        job.begin(self._threads, lambda: self._write_file(job, path))
        at = 0
        try:
            while True:
                # Asked before it is read: by then all that is written is there.
                is_done = job.is_done
                piece = await asyncio.to_thread(_read, path, at)
                if piece:
                    at += len(piece)
                    yield piece
                elif is_done:
                    await job.done()
                    if not path.exists():
                        raise ControlUnavailable("The file of this export is gone.")
                    break
                else:
                    await asyncio.sleep(LOOK_SECONDS)
        finally:
            job.leave()

    def _write_lines(self, job: _Job, pipe: Pipe) -> None:
        wanted, run = job.wanted, job.run
        try:
            with self._lend(run) as cursor, wanted.guard(cursor, run):
                text = _text(wanted, cursor)
                parameters = dict(wanted.parameters)
                columns = columns_of(cursor.execute(none_of(text), parameters).description)
                run.check()
                rows = cursor.execute(csv_lines(text, columns), parameters).fetchmany(LINES_AT_ONCE)
                # Not before there are rows: what goes wrong until then is told, in place of a file that breaks off.
                pipe.put(csv_header(columns))
                while rows:
                    job.rows += len(rows)
                    pipe.put("".join(f"{line}\r\n" for (line,) in rows).encode())
                    rows = cursor.fetchmany(LINES_AT_ONCE)
        except Unwanted:
            raise wanted.tell(duckdb.InterruptException("nobody takes it"), run) from None
        except (duckdb.Error, MemoryError) as error:
            raise wanted.tell(error, run) from error
        finally:
            pipe.end()

    def _write_file(self, job: _Job, path: Path) -> None:
        wanted, run = job.wanted, job.run
        try:
            with self._lend(run) as cursor, wanted.guard(cursor, run):
                text = _text(wanted, cursor)
                run.check()
                copy = COPY.format(text=text, rows=ROWS_OF_A_GROUP)
                found = cursor.execute(copy, {**wanted.parameters, "exported_to": str(path)}).fetchone()
                job.rows = found[0] if found is not None else 0
        except (duckdb.Error, MemoryError) as error:
            raise wanted.tell(error, run) from error

    def _ended(self, job: _Job) -> None:
        self.under_way -= 1
        if job.path is not None:
            job.path.unlink(missing_ok=True)
        job.wanted.on_end()


class Pieces:
    """What an export gives. Whoever has it ends it, whether or not they took anything."""

    def __init__(self, first: bytes, rest: AsyncGenerator[bytes, None], job: _Job) -> None:
        self._first: bytes | None = first
        self._rest, self._job = rest, job
        self._is_left = False

    @property
    def rows(self) -> int:
        """How many rows there were so far; of Parquet all of them, at its end."""
        return self._job.rows

    def __aiter__(self) -> Pieces:
        return self

    async def __anext__(self) -> bytes:
        """The next piece; none once it was ended. Raises what the export does."""
        if self._is_left:
            raise StopAsyncIteration
        if self._first is not None:
            first, self._first = self._first, None
            return first
        try:
            return await anext(self._rest)
        except GatewayError as error:
            if self._is_left:
                raise StopAsyncIteration from None
            log.warning("an export ended in the middle", reason=error.message)
            raise

    def end(self) -> None:
        """No more is wanted: what makes it is stopped, and whoever waits for a piece waits no longer."""
        self._is_left = True
        self._job.leave()

    async def all(self) -> bytes:
        """All of it at once, where it is known to be little."""
        return b"".join([piece async for piece in self])


class _Job:
    """One export: there until its thread is done with it and whoever takes it has left, or has had their time."""

    def __init__(self, wanted: Wanted, run: Run, on_end: Callable[[_Job], None]) -> None:
        self.wanted, self.run, self._on_end = wanted, run, on_end
        self.path: Path | None = None
        """The file it is written to, if it is."""
        self.rows = 0
        self._loop = asyncio.get_running_loop()
        self._is_left = self._is_over = self._is_expired = False

    def begin(self, threads: ThreadPoolExecutor, work: Callable[[], None]) -> None:
        """Have it done."""
        self._handle = threads.submit(work)
        self._handle.add_done_callback(lambda _: self._soon(self._settle))
        self._timer = self._loop.call_later(self.wanted.seconds, self._expire)

    @property
    def is_done(self) -> bool:
        """Whether its thread is."""
        return self._handle.done()

    async def done(self) -> None:
        """Wait for the thread. Raises what it raised, and what is told where the time was up meanwhile."""
        await asyncio.wrap_future(self._handle)
        if self._is_expired:
            raise self.wanted.tell(duckdb.InterruptException("its time is up"), self.run)

    def leave(self) -> None:
        """Nobody takes it any more. May be said twice."""
        self._timer.cancel()
        if not self.is_done and self.run.stopped is None:
            insist(self.run, "left")
        self._is_left = True
        self._settle()

    def _expire(self) -> None:
        """Whoever takes it may be waiting for a client that takes nothing: it ends all the same."""
        insist(self.run, "time")
        self._is_left = self._is_expired = True
        self._settle()

    def _settle(self) -> None:
        if self._is_left and self.is_done and not self._is_over:
            self._is_over = True
            self._on_end(self)

    def _soon(self, call: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the event loop is closed, and everything with it
            self._loop.call_soon_threadsafe(call)


def _text(wanted: Wanted, cursor: DuckDBPyConnection) -> str:
    cursor.execute(READ_ONLY)
    return wanted.text(cursor)


def _read(path: Path, at: int) -> bytes:
    """What is in a file from there on; nothing where there is none yet."""
    try:
        with path.open("rb") as file:
            file.seek(at)
            return file.read(PIECE_BYTES)
    except FileNotFoundError:
        return b""
