"""Run as a process of its own: the sheets of the workbook on standard input, as pickled rows on standard output.

The reader of workbooks is not ours. What it cannot bear (a table that announces billions of strings) ends this process
alone, within the memory and the disk that it is given here; whoever started it refuses the file.

Standard output is a file: for each sheet blocks of rows and a None, then [(name, where its rows begin)], and in the last
eight bytes where that list begins.
"""

import pickle
import sys
from itertools import islice
from typing import Final

try:
    import resource
except ImportError:  # Windows sets a process no limits of this kind
    resource = None  # type: ignore[assignment]

from python_calamine import CalamineWorkbook, PasswordError, SheetTypeEnum, SheetVisibleEnum

HAS_PASSWORD: Final = 3  # exit status
MOST_MEMORY: Final = 1536 * 1024 * 1024  # the largest workbook that is let through takes 600 MB
MOST_WRITTEN: Final = 512 * 1024 * 1024
AT_ONCE: Final = 500  # rows of a block


def main() -> int:
    if resource is not None:
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
        resource.setrlimit(resource.RLIMIT_FSIZE, (MOST_WRITTEN, MOST_WRITTEN))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # the dump of a dead process would hold account numbers
    out, index = sys.stdout.buffer, []
    try:
        book = CalamineWorkbook.from_filelike(sys.stdin.buffer)
    except PasswordError:
        return HAS_PASSWORD
    for about in book.sheets_metadata:
        if about.typ == SheetTypeEnum.WorkSheet and about.visible == SheetVisibleEnum.Visible:
            index.append((about.name, out.tell()))
            rows = book.get_sheet_by_name(about.name).iter_rows()
            while block := list(islice(rows, AT_ONCE)):
                pickle.dump(block, out)
            pickle.dump(None, out)
    end = out.tell()
    pickle.dump(index, out)
    out.write(end.to_bytes(8))
    return 0


if __name__ == "__main__":
    sys.exit(main())
