"""A pack in the making: a job that writes case after case, and takes everything away again when it does not come to its end."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _

from access.models import Staff
from audit import bundle, checkpoints, clock
from audit.context import acting
from audit.errors import NothingToExport
from audit.services import record_access
from casework import watermark
from casework.auditing import running
from casework.errors import REFUSALS
from casework.inspection import choosing
from casework.inspection.case_file import CaseFile, PaperInPack
from casework.inspection.choosing import Chosen
from casework.inspection.files import PackWriter, Volume, blocks, folder
from casework.inspection.findings import NO_FINDINGS, Findings, findings_of
from casework.inspection.lists import Lists, anchor_of, line_of
from casework.inspection.models import InspectionPack, PackVolume
from casework.inspection.services import KIND, demand_room
from casework.models import Case, CaseDocument
from casework.trail import bundle_of
from casework.typeset import Document, Typesetter
from casework.visibility import sight
from casework.watermark import Mark
from families import catalogue
from jobs import runner
from jobs.models import Job

ENDINGS = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp", "application/pdf": "pdf", "text/plain": "txt"}
IN_CHUNKS = 50


@runner.runs(KIND, refusals=REFUSALS)
def run(job: Job, progress: runner.Progress) -> dict[str, Any]:
    """Params: chosen, reason. Who may have it made, and what she sees, is asked again now."""
    by = Staff.objects.get(pk=job.requested_by_id)
    with acting(by):
        pack = _Making(choosing.restored(job.params["chosen"]), job.params["reason"], by, f"job-{job.pk}").make(
            progress
        )
    return {"pack": pack.pk, "number": pack.number}


class _Making:
    """One pack, from its choice to its row."""

    def __init__(self, chosen: Chosen, reason: str, by: Any, key: str) -> None:
        self.chosen, self.by, self.key = chosen, by, key
        self.side = choosing.side_of(by, chosen.unit)
        self.mark = Mark(by.name, timezone.now(), watermark.demand_reason(reason))
        self.pk = _next_id()
        self.number = f"J{clock.today().year}-{self.pk:05d}"  # one that was given up leaves a gap
        self.lists, self.pages, self.problems = Lists(), 0, 0
        self.streams: set[str] = set()

    def make(self, progress: runner.Progress) -> InspectionPack:
        total = choosing.counted(self.chosen, self.by)
        demand_room(choosing.cases_of(self.chosen, self.by), total)
        progress(0, total=total, step=_("准备"))
        seal = checkpoints.latest()
        self.seal = seal if seal is not None and seal.is_of_tree else None
        self.setter = Typesetter()
        writer = PackWriter(self._facts(), volume_bytes=settings.PACK_VOLUME_MB << 20)
        try:
            return self._written(writer, progress, total)
        except BaseException:  # a cancelled or stopped job too: nothing stays behind
            writer.forget()
            raise

    def _written(self, writer: PackWriter, progress: runner.Progress, total: int) -> InspectionPack:
        for done, file in enumerate(self._files(writer), start=1):
            record_access(kind="export", subject=file.case.subject, fields=f"pack {self.number}", reason=self.mark.why)
            self._add_case(writer, file, done)
            progress(done, total=total, step=_("写入 %(no)s") % {"no": file.case.case_no})
        self._add_trail(writer)
        writer.add("index.csv", self.lists.index_csv(self.mark))
        writer.add("payments.csv", self.lists.payments_csv(self.mark))
        index = self.lists.index(self.number, self.chosen.words, self.mark, self.seal, self.pages, self.problems)
        writer.add("index.pdf", [self.setter.set(index).pdf])
        count = len(self.lists.rows)
        volumes = writer.close({"cases": count, "pages": self.pages, "problems": self.problems})
        progress(total, total=total, step=_("封好"))
        return self._kept(writer, volumes)

    def _facts(self) -> dict[str, Any]:
        return {
            "anchor": anchor_of(self.seal),
            "chosen": self.chosen.stored(),
            "key": self.key,
            "made_at": checkpoints.utc(self.mark.at),
            "made_by": self.mark.who,
            "number": self.number,
            "reason": self.mark.why,
            "side": self.side,
            "title": self.chosen.words,
            "unit": self.chosen.unit.code,
        }

    # ------------------------------------------------------------ cases

    def _files(self, writer: PackWriter) -> Iterator[CaseFile]:
        """Case by case, in chunks, so that no more than some of them are in memory."""
        ids = list(choosing.cases_of(self.chosen, self.by).values_list("pk", flat=True))
        audits = self.side == InspectionPack.Side.AUDIT
        run = self.chosen.run or running.latest(self.chosen.unit) if audits else None
        for begin in range(0, len(ids), IN_CHUNKS):
            cases = list(
                Case.objects.filter(pk__in=ids[begin : begin + IN_CHUNKS])
                .select_related(
                    "household", "beneficiary", "village", "township", "survey__surveyor", "survey__second_surveyor",
                    "payee_account__holder", "version",
                )
                .order_by("pk")
            )  # fmt: skip
            findings = findings_of(self.chosen.unit, cases, run) if audits else NO_FINDINGS
            for case in cases:
                writer.next_case()
                yield self._read(writer, case, findings)

    def _read(self, writer: PackWriter, case: Case, findings: Findings) -> CaseFile:
        seen = sight(self.by, case)
        papers = [
            self._add_paper(writer, case, n, row)
            for n, row in enumerate(case.papers.select_related("document").order_by("id"), start=1)
            if seen.shows_paper(row.kind)
        ]
        return CaseFile.of(case, seen, papers, findings)

    def _add_paper(self, writer: PackWriter, case: Case, n: int, row: CaseDocument) -> PaperInPack:
        """The original, byte for byte. One that is gone, or not what was taken in, is named in the file and in the index."""
        paper, title = row.document, str(catalogue.title(catalogue.DOCUMENTS, row.kind))
        name = f"cases/{case.case_no}/papers/{n:02d}-{row.kind}.{ENDINGS.get(paper.content_type, 'bin')}"
        sha256, problem = "", ""
        try:
            file = paper.file.open("rb")
        except FileNotFoundError:
            problem = _("原件不见了！收的时候是 %(sha)s") % {"sha": paper.sha256}
        else:
            with file:
                _size, sha256 = writer.add(name, blocks(file))
            if sha256 != paper.sha256:
                problem = _("原件变了！收的时候是 %(sha)s") % {"sha": paper.sha256}
        self.problems += bool(problem)
        return PaperInPack(title, paper.taken_on or row.added_on, name if sha256 else "—", sha256, problem)

    def _add_case(self, writer: PackWriter, file: CaseFile, n: int) -> None:
        case, first = file.case, self.pages + 1
        made = self.setter.set(
            Document(
                title=_("卷宗 %(no)s") % {"no": case.case_no},
                about=[f"{case.head_name} · {case.township.name} {case.village.name} · {case.spec.title}"],
                of=f"{_('迎检包')} {self.number}",
                mark=self.mark,
                parts=file.parts(),
                first_page=first,
            )
        )
        name = f"cases/{case.case_no}/file.pdf"
        _size, sha256 = writer.add(name, [made.pdf])
        self.pages += made.pages
        self.streams |= set(bundle_of(case.case_no).facts["streams"])
        self.lists.add(line_of(n, file, made, len(writer.volumes) + 1, first, name, sha256))

    def _add_trail(self, writer: PackWriter) -> None:
        """The chain of these cases with its proofs; nothing where nothing is sealed yet."""
        path = folder() / f"{self.key}-trail.unfinished"
        selection = bundle.Selection(
            subject=f"pack:{self.pk}",
            described={"pack": self.number},
            sql="SELECT id FROM audit_entry WHERE stream = ANY (%(streams)s)",
            facts={"streams": sorted(self.streams)},
        )
        try:
            bundle.export(path, selection, reason=self.mark.why)
            with path.open("rb") as file:
                writer.add("trail/bundle.zip", blocks(file))
        except NothingToExport:
            return
        finally:
            path.unlink(missing_ok=True)

    # ------------------------------------------------------------ kept

    def _kept(self, writer: PackWriter, volumes: list[Volume]) -> InspectionPack:
        pack = InspectionPack.objects.create(
            pk=self.pk,
            number=self.number,
            side=self.side,
            unit=self.chosen.unit,
            title=self.chosen.words[:120],
            chosen=self.chosen.stored(),
            reason=self.mark.why,
            case_count=len(self.lists.rows),
            file_count=writer.members,
            volume_count=len(volumes),
            page_count=self.pages,
            problem_count=self.problems,
            size_bytes=sum(volume.size for volume in volumes),
            manifest_sha256=volumes[-1].manifest_sha256,
            sealed_size=self.seal.total if self.seal else None,
            sealed_root=bytes(self.seal.root).hex() if self.seal else "",
            made_by=self.by,
            made_on=clock.today(),
            made_at=self.mark.at,
            key=self.key,
        )
        for volume in volumes:
            name = f"packs/{self.key}-{volume.n}.zip"
            volume.path.rename(Path(settings.MEDIA_ROOT) / name)
            PackVolume.objects.create(pack=pack, n=volume.n, file=name, size_bytes=volume.size, sha256=volume.sha256)
        record_access(
            kind="export",
            subject=pack.subject,
            fields=f"pack {self.number} {pack.manifest_sha256}",
            reason=self.mark.why,
        )
        return pack


def _next_id() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('casework_inspectionpack', 'id'))")
        return cursor.fetchone()[0]
