"""The truth about experiments: texts that never change, runs with their state, and what the runs said."""

import uuid

from django.db import models
from django.utils import timezone

from webapp.teams.access import TeamQuerySet
from webapp.teams.models import Team, User
from webapp.trash.managers import ShownManager, ShownWithRun


class Experiment(models.Model):
    """A complete description of runs to compare, kept as canonical text."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="experiments")
    name = models.CharField(max_length=200)
    text = models.TextField(help_text="Canonical spec, saved parts resolved by value, with its sweep.")
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    parent = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="clones")
    launched_at = models.DateTimeField(null=True, blank=True)
    trashed_at = models.DateTimeField(null=True, blank=True, help_text="Since when it is in the trash.")
    trashed_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")

    objects = ShownManager["Experiment"]()
    everything = TeamQuerySet["Experiment"].as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["team", "-created_at", "-id"])]

    def __str__(self) -> str:
        return self.name


class Cell(models.Model):
    """One point of an experiment's sweep: a spec without sweep, run once per seed."""

    experiment = models.ForeignKey(Experiment, on_delete=models.CASCADE, related_name="cells")
    index = models.PositiveIntegerField()
    label = models.CharField(max_length=300, blank=True)
    overrides = models.JSONField(default=dict)
    digest = models.CharField(max_length=64, db_index=True)
    text = models.TextField()
    """The complete spec as people read it; devices and links stand by their names."""
    document = models.JSONField(default=dict)
    """The complete spec by value, figures of devices and links included: what a worker carries out."""
    estimate = models.JSONField(null=True, blank=True, help_text="What was expected of a run before the first began.")

    class Meta:
        ordering = ["experiment", "index"]
        constraints = [models.UniqueConstraint(fields=["experiment", "index"], name="cell_index")]

    def __str__(self) -> str:
        return self.label or f"cell {self.index}"


class RunState(models.TextChoices):
    """Where a run is in its life."""

    DRAFT = "draft", "Not launched"
    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    PAUSED = "paused", "Paused"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


FINAL = (RunState.DONE, RunState.FAILED, RunState.CANCELLED)
"""States that a run leaves only if a user resumes it (failed and cancelled ones)."""


class Run(models.Model):
    """One execution of a cell with one seed.

    ``attempt`` is the fencing token: it rises with every claim, and every write of a worker holds only while the run
    still has the attempt that this worker was given.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="runs")
    cell = models.ForeignKey(Cell, on_delete=models.CASCADE, related_name="runs")
    seed = models.PositiveBigIntegerField()
    state = models.CharField(max_length=10, choices=RunState.choices, default=RunState.DRAFT)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    attempt = models.PositiveIntegerField(default=0)
    losses = models.PositiveIntegerField(
        default=0, help_text="Workers that were lost in a row since the last progress."
    )
    lease_owner = models.CharField(max_length=120, blank=True)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    job_id = models.CharField(max_length=64, blank=True, help_text="Id of the job that holds the lease.")
    sent_at = models.DateTimeField(null=True, blank=True, help_text="When its id was last given to the broker.")
    wanted = models.CharField(max_length=10, blank=True, help_text="What the user asks for: cancel, pause or nothing.")
    wanted_at = models.DateTimeField(null=True, blank=True)

    progress_done = models.PositiveIntegerField(default=0)
    progress_total = models.PositiveIntegerField(default=0)
    progress_unit = models.CharField(max_length=20, blank=True)
    sim_time_s = models.FloatField(null=True, blank=True)
    host_time_s = models.FloatField(default=0.0, help_text="Seconds of work so far, over all attempts.")
    host_cpu_s = models.FloatField(null=True, blank=True, help_text="CPU seconds of attempts that came to an end.")
    remaining_s = models.FloatField(null=True, blank=True, help_text="Estimated seconds of work to go.")
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    failure = models.JSONField(null=True, blank=True)
    result = models.JSONField(null=True, blank=True)
    last_seq = models.PositiveIntegerField(default=0)
    checkpoint = models.CharField(max_length=300, blank=True)
    reused_from = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="reuses")
    # The experiment's, repeated: the fenced updates must not join, or they would hold on a row that has changed.
    trashed_at = models.DateTimeField(null=True, blank=True, help_text="Since when it is in the trash.")
    request_id = models.CharField(max_length=64, blank=True, help_text="Of the request that launched or resumed it.")

    objects = ShownManager["Run"]()
    everything = TeamQuerySet["Run"].as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["cell", "seed"], name="one_run_per_seed")]
        indexes = [
            models.Index(fields=["team", "-created_at", "-id"]),
            models.Index(fields=["state", "lease_expires_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.cell} seed {self.seed}"

    @property
    def is_final(self) -> bool:
        """Whether it has ended."""
        return self.state in FINAL


class RunTransition(models.Model):
    """A change of a run's state: when, by whom and why."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="transitions")
    at = models.DateTimeField(default=timezone.now)
    from_state = models.CharField(max_length=10, choices=RunState.choices, blank=True)
    to_state = models.CharField(max_length=10, choices=RunState.choices)
    actor = models.CharField(max_length=254, help_text="Address of a user, name of a worker, or reaper.")
    reason = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.from_state} -> {self.to_state}"


class EventBatch(models.Model):
    """Consecutive events of a run's log, compressed. Batches are only ever added."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="batches")
    seq_first = models.PositiveIntegerField()
    seq_last = models.PositiveIntegerField()
    at = models.DateTimeField(default=timezone.now, help_text="Host time at which it was written.")
    data = models.BinaryField(help_text="JSON list of events, compressed by Zstandard.")

    class Meta:
        ordering = ["run", "seq_first"]
        constraints = [models.UniqueConstraint(fields=["run", "seq_first"], name="batch_start")]

    def __str__(self) -> str:
        return f"{self.run_id}: {self.seq_first}-{self.seq_last}"


class MetricChunk(models.Model):
    """Consecutive points of one metric of a run: an index made from the batches, which can be made again."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="chunks")
    name = models.CharField(max_length=80)
    seq_first = models.PositiveIntegerField(help_text="Number of the event of its first point.")
    seq_last = models.PositiveIntegerField(help_text="Number of the event of its last point.")
    step_first = models.IntegerField()
    step_last = models.IntegerField()
    num_points = models.PositiveIntegerField()
    minimum = models.FloatField(null=True, help_text="Smallest finite value; none if there is no finite one.")
    maximum = models.FloatField(null=True, help_text="Largest finite value; none if there is no finite one.")
    last = models.FloatField(null=True, help_text="Last value; none if it is not finite.")
    data = models.BinaryField(help_text="Steps and values, compressed.")

    class Meta:
        ordering = ["run", "name", "seq_first"]
        constraints = [models.UniqueConstraint(fields=["run", "name", "seq_first"], name="chunk_start")]

    def __str__(self) -> str:
        return f"{self.run_id}: {self.name} {self.step_first}-{self.step_last}"


class Shard(models.Model):
    """A place beside the worker that carries out a run, for another one that computes blocks of its rounds.

    ``token`` is the fencing token: it rises with every claim, and what a helper brings counts only if the block still
    carries the token under which it was taken. Shards are gone with the attempt that made them.
    """

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="shards")
    attempt = models.PositiveIntegerField(help_text="Of the run.")
    number = models.PositiveIntegerField()
    host = models.CharField(max_length=64, help_text="Hash of versions and processor: others give other bits.")
    token = models.PositiveIntegerField(default=0)
    lease_owner = models.CharField(max_length=120, blank=True)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True, help_text="When somebody was last asked to help.")
    num_blocks = models.PositiveIntegerField(default=0, help_text="Blocks computed here.")
    cpu_s = models.FloatField(default=0.0, help_text="CPU seconds of helpers.")

    class Meta:
        ordering = ["run", "attempt", "number"]
        constraints = [models.UniqueConstraint(fields=["run", "attempt", "number"], name="shard_number")]

    def __str__(self) -> str:
        return f"{self.run_id}: shard {self.number}"


class BlockState(models.TextChoices):
    """Where a block of an open round is; one that the coordinator takes for itself has no row any more."""

    WAITING = "waiting", "Waiting"
    TAKEN = "taken", "Taken"
    DONE = "done", "Done"
    LEFT = "left", "Left to the coordinator"


class ShardBlock(models.Model):
    """A block of the open round of a run that helpers may compute; gone with its round."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="blocks")
    attempt = models.PositiveIntegerField(help_text="Of the run.")
    file = models.CharField(max_length=80, help_text="Name of its file, without the folder.")
    state = models.CharField(max_length=10, choices=BlockState.choices, default=BlockState.WAITING)
    shard = models.ForeignKey(Shard, on_delete=models.CASCADE, null=True, blank=True, related_name="blocks")
    token = models.PositiveIntegerField(default=0, help_text="Of the shard when it took the block.")
    result = models.CharField(max_length=120, blank=True, help_text="Name of the file of its result.")

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["run", "attempt", "state"])]

    def __str__(self) -> str:
        return f"{self.run_id}: {self.file}"


class Artifact(models.Model):
    """A file that a run made, kept in the store under the hash of its bytes."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="artifacts")
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="artifacts")
    sha256 = models.CharField(max_length=64, db_index=True)
    name = models.CharField(max_length=200)
    media_type = models.CharField(max_length=100)
    size_bytes = models.PositiveBigIntegerField()
    path = models.CharField(max_length=200, help_text="Place in the artifact store.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = ShownWithRun["Artifact"]()
    everything = TeamQuerySet["Artifact"].as_manager()

    class Meta:
        ordering = ["run", "name"]
        constraints = [models.UniqueConstraint(fields=["run", "name"], name="artifact_name")]

    def __str__(self) -> str:
        return self.name
