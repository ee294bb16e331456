"""A job's images onto its page: create, send, then one write.

What is uncertain after a crash is asked of Notion first: if the page shows our
file the job is done; an upload id that still lives is used; anything else is sent
again from disk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from daemon.flow import alt, picture, tell
from daemon.flow.absorb import absorb
from daemon.flow.context import Flow
from daemon.flow.ending import end_job
from daemon.flow.inputs import Inputs
from daemon.flow.wants import look
from daemon.notion.errors import PageGoneError, RefusedWriteError, UploadLostError
from daemon.notion.model import Change, File, Page, Urgency, Wanted, matches
from daemon.store.errors import DamagedError
from db import attempts, images, posts
from db.errors import MovedElsewhereError
from db.records import ImageRecord, Job
from db.states import Event, Reason


async def upload(flow: Flow, job: Job) -> None:
    """Take a job from `uploading` to its end; Notion being away leaves it there.

    Raises:
        NotionError, StoreAwayError: For the caller, who knows when to try again.
    """
    try:
        await _Delivery(flow, job).run()
    except MovedElsewhereError:
        flow.log.debug("job.moved", summary=f"job {job.id} was moved", job=job.id)


async def give_up(flow: Flow, job: Job, why: str) -> None:
    """End a job whose upload Notion refuses again and again in the same words."""
    try:
        await _Delivery(flow, job).give_up(why)
    except MovedElsewhereError:
        flow.log.debug("job.moved", summary=f"job {job.id} was moved", job=job.id)


@dataclass(slots=True)
class _Delivery:
    flow: Flow
    job: Job

    @property
    def urgency(self) -> Urgency:
        ticked = self.job.reason is Reason.REGENERATE
        return Urgency.REGENERATION if ticked else Urgency.JOB

    async def run(self) -> None:
        made = await self._images()
        try:
            page, known = await self._page(made)
            if page.gone:
                await self._end(Event.CANCELLED, "the page is gone")
            elif _shows(page, made):
                await self._done(page, made, (), None)
            elif (why := self._unwelcome(page, known)) is not None:
                await self._end(Event.CANCELLED, why)
            else:
                await self._attach(page, known, made)
        except PageGoneError:
            await self._end(Event.CANCELLED, "the page is gone")
        except UploadLostError:
            await self._forget_uploads(made)
            raise
        except FileNotFoundError as error:
            name = Path(str(error.filename)).name
            why = f"{name} is gone from the disk"
            if isinstance(error, DamagedError):
                why = f"{name} is damaged on the store"
            await self._end(Event.ABANDONED, why, f"No image: {why}. Tick again.")
        except RefusedWriteError as error:
            if not error.is_final:
                raise
            await self.give_up(str(error))

    async def give_up(self, why: str) -> None:
        """End the job: no other try would help.  Its images stay on the disk."""
        note = f"The image could not be put here: {why}"
        await self._end(Event.ABANDONED, why, note)

    async def _images(self) -> list[ImageRecord]:
        async with self.flow.db.reading() as tx:
            made = await images.of_job(tx, self.job.id)
        return [one for one in made if one.fingerprint == self.job.fingerprint]

    async def _page(
        self, made: Sequence[ImageRecord]
    ) -> tuple[Page, Mapping[str, ImageRecord]]:
        """Return the newest view, read again when a crash or age makes it doubtful."""
        begun = any(one.upload_id for one in made)
        page = (
            None if begun else self.flow.views.fresh(self.job.page_id, self.flow.now())
        )
        if page is None:
            page = await self.flow.door.page(
                self.flow.known_schema, self.job.page_id, self.urgency
            )
            self.flow.views.put(page, self.flow.now())
        if not page.image:
            return page, {}
        async with self.flow.db.reading() as tx:
            known = await images.by_names(tx, [file.name for file in page.image])
        return page, known

    def _unwelcome(self, page: Page, known: Mapping[str, ImageRecord]) -> str | None:
        # Ticked by a person: their other files are kept, and the image goes first.
        if self.job.reason is Reason.REGENERATE:
            return None
        shown = look(page.id, [file.name for file in page.image], known)
        if shown.foreign:
            return "the page shows an image of somebody else's making"
        if self.job.reason is Reason.REPLACE and not (page.image and shown.cards_only):
            return "the page no longer shows the card"
        return None

    async def _attach(
        self, page: Page, known: Mapping[str, ImageRecord], made: Sequence[ImageRecord]
    ) -> None:
        uploads = tuple([(await self._uploaded(one), one.name) for one in made])
        keep = tuple(file for file in page.image if file.name not in known)
        change = await self._change(page, made, uploads, keep)
        with self.flow.views.writing(self.job.page_id):
            written = await self.flow.door.update(
                self.flow.known_schema, self.job.page_id, change, self.urgency
            )
        await self._done(written.page, made, written.left_out, change.alt)

    async def _uploaded(self, image: ImageRecord) -> str:
        """Return the id of a usable upload of one image."""
        if image.upload_id is not None:
            try:
                found = await self.flow.door.find_upload(image.upload_id, self.urgency)
            except UploadLostError:
                found = None
            if found is not None and found.usable:
                return found.id
            if found is not None and found.pending:
                return await self._send(image, found.id)
        # Before anything is announced: the store may be away.
        await self._file(image)
        created = await self.flow.door.create_upload(image.name, self.urgency)
        async with self.flow.db.writing() as tx:
            await images.set_upload(tx, image.id, created.id)
        return await self._send(image, created.id)

    async def _send(self, image: ImageRecord, upload_id: str) -> str:
        path = await self._file(image)
        limit = self.flow.upload_limit
        data = await asyncio.to_thread(path.read_bytes)
        if len(data) > limit:
            async with self.flow.decoding:
                data = await asyncio.to_thread(picture.shrink_for_upload, data, limit)
        await self.flow.door.send_upload(upload_id, image.name, data, self.urgency)
        return upload_id

    async def _file(self, image: ImageRecord) -> Path:
        store = self.flow.store
        return await asyncio.to_thread(store.path, image.name, image.sha256)

    async def _change(
        self,
        page: Page,
        made: Sequence[ImageRecord],
        uploads: tuple[tuple[str, str], ...],
        keep: tuple[File, ...],
    ) -> Change:
        plan, first = self.flow.plan, made[0]
        inputs = Inputs.restored(self.job.inputs)
        traits = (
            self.flow.providers[first.provider].traits
            if (first.provider in self.flow.providers)
            else None
        )
        return Change(
            uploads=uploads,
            keep=keep,
            status="Card" if first.is_card else "Done",
            note=self._note(made),
            provider=traits.label if traits else first.provider,
            alt=await self._alt(page, first, inputs),
            clear_feedback=bool(page.feedback) and page.feedback == inputs.feedback,
            cover=uploads[0][0] if plan.cover else None,
            extra=self._extra(page, card=first.is_card),
        )

    def _note(self, made: Sequence[ImageRecord]) -> str:
        first = made[0]
        if first.is_card and first.card_why:
            coming = first.replaceable and self.flow.plan.replace_cards is not None
            follows = (
                "An image follows when a service is back."
                if coming
                else "Tick the box for another try."
            )
            return f"A card, because {first.card_why}. {follows}"
        wanted = Inputs.restored(self.job.inputs).variants
        if len(made) < wanted and not first.is_card:
            return f"{len(made)} of {wanted} images: no service made the others."
        return ""

    async def _alt(self, page: Page, first: ImageRecord, inputs: Inputs) -> str | None:
        async with self.flow.db.reading() as tx:
            post = await posts.get(tx, self.job.source, self.job.page_id)
        ours = post.alt if post else None
        # Somebody wrote it themselves.
        if page.alt and page.alt != ours:
            return None
        if first.is_card:
            return alt.alt_for_card(inputs.words, self.flow.plan.tag)
        return alt.alt_for_prompt(inputs.prompt, inputs.words)

    def _extra(self, page: Page, *, card: bool) -> Mapping[str, Wanted]:
        plan = self.flow.plan
        # A post that has gone on (posted, say) is not pulled back.
        if self.job.reason is not Reason.NEW and not (
            plan.rules.only and matches(page.columns, plan.rules.only)
        ):
            return {}
        return plan.on_card if card and plan.on_card is not None else plan.on_done

    async def _forget_uploads(self, made: Sequence[ImageRecord]) -> None:
        async with self.flow.db.writing() as tx:
            for one in made:
                await images.set_upload(tx, one.id, None)

    async def _done(
        self,
        page: Page,
        made: Sequence[ImageRecord],
        left_out: Sequence[str],
        alt_text: str | None,
    ) -> None:
        now = self.flow.now()
        async with self.flow.db.writing() as tx:
            await images.set_shown(tx, self.job.id, now)
            why = f"on the page{_without(left_out)}"
            await end_job(tx, self.job, Event.UPLOADED, now=now, why=why)
            changes: dict[str, object] = {"made": self.job.fingerprint}
            if alt_text is not None:
                changes["alt"] = alt_text
            await posts.change(tx, self.job.source, self.job.page_id, **changes)
            await absorb(self.flow, [page], tx=tx)
            calls = await attempts.of_job(tx, self.job.id)
        tell.say_done(self.flow, self.job, made, calls, _without(left_out))

    async def _end(self, event: Event, why: str, note: str = "") -> None:
        async with self.flow.db.writing() as tx:
            now = self.flow.now()
            ended = await end_job(tx, self.job, event, now=now, why=why, note=note)
        tell.say_ended(self.flow, ended, why)


def _shows(page: Page, made: Sequence[ImageRecord]) -> bool:
    names = {file.name for file in page.image}
    return bool(made) and all(one.name in names for one in made)


def _without(left_out: Sequence[str]) -> str:
    return f"; without {', '.join(left_out)}, which Notion refused" if left_out else ""
