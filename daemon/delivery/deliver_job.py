"""Puts a job's images on its page: create uploads, send the bytes, update the page.

After a crash, Notion decides what is repeated.  A page that shows our file ends the
job, a valid upload ID is reused, and any other file is sent again from disk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from daemon.context import AppContext, SourceContext
from daemon.delivery.image_words import (
    ImageWords,
    choose_words,
    file_path,
    load_images,
    put_words_on,
)
from daemon.delivery.page_change import compose_change
from daemon.imaging import normalize
from daemon.imaging.store import DamagedImageError
from daemon.jobs import job_log
from daemon.jobs.job_validity import (
    PAGE_GONE,
    Stage,
    cancel_reason,
    depends_on_filter,
)
from daemon.jobs.lifecycle import end_job
from daemon.jobs.prompt import Inputs
from daemon.jobs.retry_policy import TICK_ADVICE, no_image_note
from daemon.notion.errors import (
    PageGoneError,
    PageUnreachableError,
    UploadLostError,
    UploadRefusedError,
    WriteRefusedError,
)
from daemon.notion.model import Page, Urgency
from daemon.service.tasks import TaskKey, TaskKind
from daemon.sync.apply import apply_pages
from db import attempts, images, posts
from db.errors import StaleJobError
from db.models import ImageRecord, Job
from db.states import JobEventType, JobReason

#: Consecutive refusals of an upload after which the file is sent again.
_RESEND_AFTER = 4


async def upload_images(source: SourceContext, job: Job) -> None:
    """Move a job from `uploading` to its end.

    Raises:
        NotionError, StoreUnavailableError: The job stays in `uploading`, and the caller
            schedules the next try.
    """
    try:
        await _DeliverJob(source, job).run()
    except StaleJobError:
        source.log.debug("job.moved", summary=f"job {job.id} was moved", job=job.id)


async def abandon_upload(source: SourceContext, job: Job, why: str) -> None:
    """Fail a job whose upload Notion keeps refusing for the same reason."""
    try:
        await _DeliverJob(source, job).fail_delivery(why)
    except StaleJobError:
        source.log.debug("job.moved", summary=f"job {job.id} was moved", job=job.id)


@dataclass(slots=True)
class _DeliverJob:
    source: SourceContext
    job: Job
    shows_image: bool = False
    words: ImageWords = field(default_factory=ImageWords)

    @property
    def app(self) -> AppContext:
        return self.source.app

    @property
    def urgency(self) -> Urgency:
        ticked = self.job.reason is JobReason.REGENERATE
        return Urgency.REGENERATION if ticked else Urgency.JOB

    async def run(self) -> None:
        made = await load_images(self.source, self.job)
        try:
            page, ours = await self._load_page(made)
            self.words = choose_words(self.source, self.job, page, made)
            settings = self.source.options.posts
            if not page.gone and self._is_shown(page, ours, made):
                await self._finish_job(page, made, (), None)
            elif why := cancel_reason(self.job, page, ours, settings, Stage.ATTACHING):
                await self._end_job(JobEventType.CANCELLED, why)
            else:
                await self._attach_images(page, ours, made)
        except PageGoneError as error:
            # A query may still list the page, which must not create another job.
            unreachable = isinstance(error, PageUnreachableError)
            await self._end_job(
                JobEventType.CANCELLED, PAGE_GONE, is_answer=unreachable
            )
        except UploadLostError as error:
            if self._must_resend(error):
                await self._clear_upload_ids(made)
            raise
        except FileNotFoundError as error:
            name = Path(str(error.filename)).name
            why = f"the image file {name} is missing"
            if isinstance(error, DamagedImageError):
                why = f"the stored image file {name} is damaged"
            note = no_image_note(why, shows_image=self.shows_image, advice=TICK_ADVICE)
            await self._abandon_job(why, note)
        except WriteRefusedError as error:
            if not error.is_final:
                raise
            await self.fail_delivery(str(error))

    async def fail_delivery(self, why: str) -> None:
        """Fail the job, as no retry would help; its images stay on the disk."""
        async with self.app.db.read_transaction() as tx:
            post = await posts.get(tx, self.job.source, self.job.page_id)
        shows_image = self.shows_image or bool(post and post.shown_files)
        refusal = f"the image is ready, but Notion did not accept it: {why}"
        note = no_image_note(refusal, shows_image=shows_image)
        await self._abandon_job(why, note)

    async def _load_page(
        self, made: Sequence[ImageRecord]
    ) -> tuple[Page, Mapping[str, ImageRecord]]:
        """Return the page, and our images among its files by name.

        The cached page is not used if an upload was created before, as an earlier try
        may have updated the page, or if the job depends on the filter of the posts.
        """
        begun = any(image.upload_id for image in made)
        # `posts.on_done` must not change the status of a post that has moved on.
        must_read = begun or depends_on_filter(self.source.options.posts, self.job)
        cache, page_id = self.source.page_cache, self.job.page_id
        page = None if must_read else cache.get_fresh(page_id, self.app.steady_now())
        if page is None:
            schema = self.source.known_schema
            page = await self.source.notion.fetch_page(schema, page_id, self.urgency)
            cache.put_page(page, self.app.steady_now())
        self.shows_image = bool(page.image)
        if not page.image:
            return page, {}
        async with self.app.db.read_transaction() as tx:
            ours = await images.by_names(tx, [file.name for file in page.image])
        return page, ours

    def _is_shown(
        self,
        page: Page,
        ours: Mapping[str, ImageRecord],
        made: Sequence[ImageRecord],
    ) -> bool:
        names = [file.name for file in page.image]
        wanted = [self.words.file_name(image) for image in made]
        # A choice of files includes their order and excludes our other images.
        if Inputs.from_dict(self.job.inputs).chosen_files:
            shown = [name for name in names if name in ours]
            return shown == wanted == names[: len(wanted)]
        return bool(made) and all(name in names for name in wanted)

    async def _attach_images(
        self, page: Page, ours: Mapping[str, ImageRecord], made: Sequence[ImageRecord]
    ) -> None:
        self.words = await put_words_on(self.source, self.words, made)
        # The page shows the images without the words, which cannot be set.
        if self.words.problem and self._is_shown(page, ours, made):
            await self._finish_job(page, made, (), None)
            return
        ids = [await self._ensure_uploaded(image) for image in made]
        uploads = tuple(zip(ids, map(self.words.file_name, made), strict=True))
        keep = tuple(file for file in page.image if file.name not in ours)
        change = await compose_change(
            self.source,
            self.job,
            page,
            made,
            uploads=uploads,
            keep=keep,
            words=self.words,
        )
        change = replace(change, replaced=tuple(ours))
        with self.source.page_cache.track_write(self.job.page_id):
            written = await self.source.notion.update_page(
                self.source.known_schema, self.job.page_id, change, self.urgency
            )
        await self._finish_job(written.page, made, written.left_out, change.alt)

    async def _ensure_uploaded(self, image: ImageRecord) -> str:
        """Return the ID of a usable upload of an image, created if there is none."""
        name = self.words.file_name(image)
        if image.upload_id is not None:
            try:
                upload = await self.source.notion.find_upload(
                    image.upload_id, self.urgency
                )
            except UploadLostError:
                upload = None
            # An upload of another name has other words on the image.
            if upload is not None and upload.name not in {"", name}:
                upload = None
            if upload is not None and upload.usable:
                return upload.id
            if upload is not None and upload.pending:
                return await self._send_file(image, upload.id)
        # The file is fetched before the upload is created, as the store may be away.
        await self._file_path(image)
        created = await self.source.notion.create_upload(name, self.urgency)
        async with self.app.db.write_transaction() as tx:
            await images.set_upload(tx, image.id, created.id)
        return await self._send_file(image, created.id)

    async def _send_file(self, image: ImageRecord, upload_id: str) -> str:
        path = await self._file_path(image)
        limit = self.source.upload_limit
        data = await asyncio.to_thread(path.read_bytes)
        if len(data) > limit:
            async with self.app.decoding:
                data = await asyncio.to_thread(normalize.shrink_for_upload, data, limit)
        await self.source.notion.send_upload(upload_id, path.name, data, self.urgency)
        return upload_id

    async def _file_path(self, image: ImageRecord) -> Path:
        if self.words.overlay is not None:
            return file_path(self.source, self.words, image)
        store = self.app.store
        return await asyncio.to_thread(store.ensure_local, image.name, image.sha256)

    def _must_resend(self, error: UploadLostError) -> bool:
        """Return True if the stored upload IDs are of no further use."""
        # Notion has refused the bytes.
        if isinstance(error, UploadRefusedError):
            return True
        # Notion reports the upload as uploaded, but refuses to attach it.
        task_key = TaskKey(TaskKind.UPLOAD, self.job.source, self.job.id)
        times = self.app.retry_schedule.count_same_cause(task_key, str(error)) + 1
        return times % _RESEND_AFTER == 0

    async def _clear_upload_ids(self, made: Sequence[ImageRecord]) -> None:
        async with self.app.db.write_transaction() as tx:
            for image in made:
                await images.set_upload(tx, image.id, None)

    async def _finish_job(
        self,
        page: Page,
        made: Sequence[ImageRecord],
        left_out: Sequence[str],
        alt_text: str | None,
    ) -> None:
        now = self.app.now()
        async with self.app.db.write_transaction() as tx:
            await images.set_shown(tx, [image.id for image in made], now)
            why = f"on the page{_omission_text(left_out)}"
            await end_job(tx, self.job, JobEventType.UPLOADED, now=now, why=why)
            changes: dict[str, object] = {"interim_status": ""}
            changes["image_fingerprint"] = self.job.fingerprint
            post = await posts.get(tx, self.job.source, self.job.page_id)
            # A headline that was written during the upload is news to the planner.
            if post is not None and self.words.seen is not None:
                changes["inputs"] = {**post.inputs, "headline": self.words.seen}
            if alt_text is not None:
                changes["our_alt_text"] = alt_text
            await posts.update_fields(tx, self.job.source, self.job.page_id, **changes)
            await apply_pages(self.source, [page], tx=tx)
            calls = await attempts.of_job(tx, self.job.id)
        job_log.log_job_done(
            self.source, self.job, made, calls, _omission_text(left_out)
        )

    async def _abandon_job(self, why: str, note: str) -> None:
        # postbrush queued the replacement, so the card stays and no note is written.
        if self.job.reason is JobReason.REPLACE:
            note = ""
        await self._end_job(JobEventType.ABANDONED, why, note)

    async def _end_job(
        self, event: JobEventType, why: str, note: str = "", *, is_answer: bool = False
    ) -> None:
        now = self.app.now()
        async with self.app.db.write_transaction() as tx:
            ended = await end_job(
                tx, self.job, event, now=now, why=why, note=note, is_answer=is_answer
            )
        job_log.log_job_ended(self.source, ended)


def _omission_text(left_out: Sequence[str]) -> str:
    return f", but Notion refused to write {', '.join(left_out)}" if left_out else ""
