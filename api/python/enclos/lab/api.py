"""Types and methods of the socket API.

Made by scripts/make-api from the method table (enclosd discover): do not edit.
"""

from __future__ import annotations

from typing import Any, Awaitable, Callable, Dict, FrozenSet, List, Literal, Optional, TypedDict, Union

# Methods that take an idempotency_key: a call of these may be sent again.
KEYED: FrozenSet[str] = frozenset(
    [
        "dataset.add",
        "dataset.grant",
        "dataset.quality",
        "env.import",
        "experiment.create",
        "lesson.add",
        "project.create",
        "run.rerun",
        "run.submit",
        "token.create",
    ]
)


RpcDiscover = Dict[str, Any]


class RpcUnsubscribe(TypedDict):
    unsubscribed: Literal[True]


class CatalogChangesChanges(TypedDict):
    number: int
    time_us: int
    noun: str
    id: str
    verb: str
    object: Optional[Dict[str, Any]]


class CatalogChanges(TypedDict):
    changes: List[CatalogChangesChanges]
    next_cursor: str
    more: bool


class CatalogSearchHitsSnippet(TypedDict):
    text: str
    hit: bool


class CatalogSearchHits(TypedDict):
    noun: str
    id: str
    title: Optional[str]
    rank: float
    where: Literal['title', 'text']
    snippet: List[CatalogSearchHitsSnippet]


class CatalogSearch(TypedDict):
    hits: List[CatalogSearchHits]
    only_newest: bool
    building: bool


class CatalogReindex(TypedDict):
    entries: int
    was_damaged: bool
    found: Optional[str]


class ReportGetTables(TypedDict):
    name: str
    columns: List[str]
    rows: List[List[Any]]
    cut: bool


class ReportGet(TypedDict):
    kind: str
    from_us: Optional[int]
    to_us: Optional[int]
    made_us: int
    made_by: str
    tables: List[ReportGetTables]
    method: Optional[Dict[str, Any]]


class LabPing(TypedDict):
    pong: Literal[True]


class LabInfoLab(TypedDict):
    state_dir: str
    uid: int
    user: str
    rootless: bool


class LabInfoCapacity(TypedDict):
    cpus_milli: int
    memory_bytes: int


class LabInfoUsed(TypedDict):
    cpus_milli: int
    memory_bytes: int


class LabInfoRuns(TypedDict):
    queued: int
    starting: int
    running: int


class LabInfoRunner(TypedDict):
    generation: int
    ready: bool
    doctor: Optional[Dict[str, Any]]


class LabInfoActor(TypedDict):
    uid: int
    name: str


class LabInfo(TypedDict):
    version: str
    api_version: int
    lab: LabInfoLab
    limits: Literal['enforced', 'best_effort']
    capacity: LabInfoCapacity
    used: LabInfoUsed
    runs: LabInfoRuns
    runner: LabInfoRunner
    connections: int
    actor: LabInfoActor


class LabDoctorChecks(TypedDict):
    name: str
    ok: bool
    message: str
    hint: Optional[str]


class LabDoctor(TypedDict):
    checks: List[LabDoctorChecks]


class BlobMissing(TypedDict):
    missing: List[str]


class BlobPut(TypedDict):
    stored: bool


class BlobPutChunk(TypedDict):
    received_bytes: int
    complete: bool


class RunSubmit(TypedDict):
    run: str
    state: Literal['queued']
    existed: bool


class RunRerun(TypedDict):
    run: str
    state: Literal['queued']
    existed: bool
    rerun_of: str


class RunDiffA(TypedDict):
    id: str
    name: Optional[str]
    state: str
    verdict: Optional[str]
    exit_code: Optional[int]
    created_us: int
    wall_ms: Optional[int]
    cpu_ms: Optional[int]
    memory_peak_bytes: Optional[int]


class RunDiffB(TypedDict):
    id: str
    name: Optional[str]
    state: str
    verdict: Optional[str]
    exit_code: Optional[int]
    created_us: int
    wall_ms: Optional[int]
    cpu_ms: Optional[int]
    memory_peak_bytes: Optional[int]


class RunDiffDifferences(TypedDict):
    aspect: str
    name: Optional[str]
    a: Any
    b: Any


class RunDiffMetrics(TypedDict):
    name: str
    a: Optional[Union[float, str]]
    b: Optional[Union[float, str]]
    delta: Optional[Union[float, str]]


class RunDiffCodeFilesA(TypedDict):
    sha256: str
    size_bytes: int


class RunDiffCodeFilesB(TypedDict):
    sha256: str
    size_bytes: int


class RunDiffCodeFiles(TypedDict):
    path: str
    change: Literal['added', 'removed', 'changed', 'mode']
    a: Optional[RunDiffCodeFilesA]
    b: Optional[RunDiffCodeFilesB]
    lines_added: Optional[int]
    lines_removed: Optional[int]
    diff: Optional[str]
    why: Optional[str]


class RunDiffCode(TypedDict):
    a: Optional[str]
    b: Optional[str]
    same: bool
    error: Optional[str]
    files: List[RunDiffCodeFiles]
    files_left_out: int


class RunDiffOutputsFilesA(TypedDict):
    sha256: str
    size_bytes: int


class RunDiffOutputsFilesB(TypedDict):
    sha256: str
    size_bytes: int


class RunDiffOutputsFiles(TypedDict):
    path: str
    state: Literal['identical', 'different', 'missing', 'new']
    a: Optional[RunDiffOutputsFilesA]
    b: Optional[RunDiffOutputsFilesB]


class RunDiffOutputs(TypedDict):
    files: List[RunDiffOutputsFiles]
    identical: int
    different: int
    missing: int
    new: int
    files_left_out: int


class RunDiff(TypedDict):
    a: RunDiffA
    b: RunDiffB
    differences: List[RunDiffDifferences]
    differences_left_out: int
    same: List[str]
    metrics: List[RunDiffMetrics]
    metrics_left_out: int
    code: RunDiffCode
    outputs: RunDiffOutputs


class RunGetActor(TypedDict):
    uid: int
    name: str


class _RunGetInteractive(TypedDict):
    kind: Literal['shell', 'notebook']
    idle_ms: int


class RunGetInteractive(_RunGetInteractive, total=False):
    rows: int
    cols: int


class RunGetDatasets(TypedDict):
    name: str
    version: int
    ref: str
    manifest: str
    classification: str


class RunGetEnvironment(TypedDict):
    name: str
    version: Optional[int]
    ref: str
    manifest: Optional[str]


class RunGetGit(TypedDict):
    commit: str
    branch: Optional[str]
    dirty: Optional[bool]


class RunGetArtifacts(TypedDict):
    path: str
    size_bytes: int
    sha256: str
    mode: str


class RunGetRefusedOutputs(TypedDict):
    path: str
    reason: str


class RunGetNetworkConnections(TypedDict):
    host: Optional[str]
    port: Optional[int]
    allowed: bool
    why: Optional[str]
    count: int
    up_bytes: int
    down_bytes: int


class RunGetNetwork(TypedDict):
    allow_hosts: List[str]
    allowed: int
    refused: int
    connections: List[RunGetNetworkConnections]


class _RunGetMetrics(TypedDict):
    name: str
    value: Union[float, str]
    step: int
    min: Union[float, str]
    max: Union[float, str]
    count: int


class RunGetMetrics(_RunGetMetrics, total=False):
    time_us: int


class RunGetDenied(TypedDict):
    kind: str
    name: str
    detail: Optional[str]
    errno: Optional[str]
    count: int
    hint: Optional[str]
    hint_fr: Optional[str]


class RunGetLog(TypedDict):
    kept_bytes: Optional[int]
    dropped_bytes: Optional[int]
    error: Optional[str]


class RunGet(TypedDict):
    id: str
    name: Optional[str]
    state: Literal['queued', 'starting', 'running', 'finished']
    verdict: Optional[Literal['succeeded', 'failed', 'signaled', 'cancelled', 'wall_timeout', 'cpu_timeout', 'out_of_memory', 'process_limit', 'output_limit', 'policy_violation', 'setup_failed', 'exec_failed', 'lost']]
    exit_code: Optional[int]
    actor: RunGetActor
    project: Optional[str]
    experiment: Optional[str]
    experiment_version: Optional[int]
    purpose: Optional[str]
    profile: str
    interactive: Optional[RunGetInteractive]
    datasets: List[RunGetDatasets]
    environment: RunGetEnvironment
    created_us: int
    started_us: Optional[int]
    finished_us: Optional[int]
    wall_ms: Optional[int]
    cpu_ms: Optional[int]
    memory_peak_bytes: Optional[int]
    priority: int
    limits: Literal['enforced', 'best_effort']
    warned: bool
    signal: Optional[str]
    reason: Optional[str]
    command: List[str]
    env: Dict[str, str]
    code: Optional[str]
    resources: Dict[str, int]
    report_paths: bool
    warm: bool
    seed: Optional[int]
    seed_chosen: Optional[bool]
    git: Optional[RunGetGit]
    rerun_of: Optional[str]
    parent: Optional[str]
    profile_digest: Optional[str]
    host: Optional[Dict[str, Any]]
    outputs_manifest: Optional[str]
    artifacts: List[RunGetArtifacts]
    artifact_count: int
    refused_outputs: List[RunGetRefusedOutputs]
    network: Optional[RunGetNetwork]
    metrics: List[RunGetMetrics]
    bad_metrics: int
    metrics_dropped: Optional[int]
    denied: List[RunGetDenied]
    failed: Optional[Dict[str, Any]]
    cancel_us: Optional[int]
    cancel_reason: Optional[str]
    log: RunGetLog
    warnings: List[str]
    usage: Optional[Dict[str, Any]]
    sandbox: Optional[Dict[str, Any]]
    params: Dict[str, str]
    tags: Dict[str, str]
    queue_reason: Optional[str]


class RunListRunsActor(TypedDict):
    uid: int
    name: str


class _RunListRunsInteractive(TypedDict):
    kind: Literal['shell', 'notebook']
    idle_ms: int


class RunListRunsInteractive(_RunListRunsInteractive, total=False):
    rows: int
    cols: int


class RunListRunsDatasets(TypedDict):
    name: str
    version: int
    ref: str
    manifest: str
    classification: str


class RunListRunsEnvironment(TypedDict):
    name: str
    version: Optional[int]
    ref: str
    manifest: Optional[str]


class RunListRuns(TypedDict):
    id: str
    name: Optional[str]
    state: Literal['queued', 'starting', 'running', 'finished']
    verdict: Optional[Literal['succeeded', 'failed', 'signaled', 'cancelled', 'wall_timeout', 'cpu_timeout', 'out_of_memory', 'process_limit', 'output_limit', 'policy_violation', 'setup_failed', 'exec_failed', 'lost']]
    exit_code: Optional[int]
    actor: RunListRunsActor
    project: Optional[str]
    experiment: Optional[str]
    experiment_version: Optional[int]
    purpose: Optional[str]
    profile: str
    interactive: Optional[RunListRunsInteractive]
    datasets: List[RunListRunsDatasets]
    environment: RunListRunsEnvironment
    created_us: int
    started_us: Optional[int]
    finished_us: Optional[int]
    wall_ms: Optional[int]
    cpu_ms: Optional[int]
    memory_peak_bytes: Optional[int]
    priority: int
    limits: Literal['enforced', 'best_effort']
    warned: bool


class RunList(TypedDict):
    runs: List[RunListRuns]
    next_cursor: Optional[str]


class RunCancel(TypedDict):
    run: str
    state: str
    accepted: Literal[True]


class RunWait(TypedDict):
    run: RunGet
    finished: bool


class _RunLogsChunks(TypedDict):
    number: int
    time_us: int
    stream: Literal['stdout', 'stderr', 'gap']


class RunLogsChunks(_RunLogsChunks, total=False):
    text: str
    base64: str
    data: Any


class RunLogs(TypedDict):
    chunks: List[RunLogsChunks]
    next: int
    eof: bool


class _RunMetrics1Metrics(TypedDict):
    name: str
    value: Union[float, str]
    step: int
    min: Union[float, str]
    max: Union[float, str]
    count: int


class RunMetrics1Metrics(_RunMetrics1Metrics, total=False):
    time_us: int


class RunMetrics1(TypedDict):
    metrics: List[RunMetrics1Metrics]


class RunMetrics2Points(TypedDict):
    step: int
    value: Union[float, str]
    time_us: int


class RunMetrics2(TypedDict):
    name: str
    points: List[RunMetrics2Points]
    next: Optional[int]


RunMetrics = Union[RunMetrics1, RunMetrics2]


class RunConnectionsConnections(TypedDict):
    number: int
    time_us: int
    method: str
    host: Optional[str]
    port: Optional[int]
    address: Optional[str]
    allowed: bool
    why: Optional[str]
    detail: Optional[str]
    up_bytes: Optional[int]
    down_bytes: Optional[int]
    duration_ms: Optional[int]


class RunConnections(TypedDict):
    allow_hosts: Optional[List[str]]
    allowed: int
    refused: int
    unlisted: int
    connections: List[RunConnectionsConnections]
    next: Optional[int]


class RunOutputsArtifacts(TypedDict):
    path: str
    size_bytes: int
    sha256: str
    mode: str


class RunOutputsRefused(TypedDict):
    path: str
    reason: str


class RunOutputs(TypedDict):
    manifest: Optional[str]
    artifacts: List[RunOutputsArtifacts]
    refused: List[RunOutputsRefused]
    total: int
    next: Optional[int]


class RunWatch(TypedDict):
    subscription: int


class RunAttach(TypedDict):
    run: str


class RunConnect(TypedDict):
    run: str


class _LineageGetNodes(TypedDict):
    id: str
    kind: Literal['run', 'artifact', 'dataset', 'environment', 'code']
    ref: str
    side: Literal['before', 'root', 'after']
    depth: int


class LineageGetNodes(_LineageGetNodes, total=False):
    name: Optional[str]
    state: Optional[str]
    verdict: Optional[str]
    created_us: int
    size_bytes: int


LineageGetEdges = TypedDict("LineageGetEdges", {"from": "str", "to": "str", "kind": "Literal['used', 'ran_in', 'is_code', 'again', 'part', 'left', 'same_bytes']", "path": "Optional[str]"}, total=False)


class LineageGet(TypedDict):
    root: str
    nodes: List[LineageGetNodes]
    edges: List[LineageGetEdges]
    truncated: bool


class DatasetAdd(TypedDict):
    name: str
    version: int
    ref: str
    state: Literal['draft']
    existed: bool


class DatasetVerify(TypedDict):
    ref: str
    ok: bool
    reason: Optional[str]
    files: int
    size_bytes: int
    read_bytes: int
    wall_ms: int
    quarantined: bool


class _DatasetProgress(TypedDict):
    under_way: bool


class DatasetProgress(_DatasetProgress, total=False):
    what: Literal['seal', 'verify']
    done_bytes: int
    total_bytes: int
    started_us: int


class DatasetGetActor(TypedDict):
    uid: int
    name: str


class DatasetGetKeeper(TypedDict):
    uid: int
    name: str


class DatasetGet(TypedDict):
    name: str
    version: int
    ref: str
    title: Optional[str]
    description: Optional[str]
    classification: Literal['public', 'interne', 'confidentiel', 'tres_confidentiel']
    manifest: str
    files: int
    size_bytes: int
    state: Literal['draft', 'sealed', 'retired']
    quarantined: bool
    quarantine_reason: Optional[str]
    retired_reason: Optional[str]
    actor: DatasetGetActor
    keeper: DatasetGetKeeper
    created_us: int
    sealed_us: Optional[int]
    retired_us: Optional[int]
    verified_us: Optional[int]


class DatasetList(TypedDict):
    datasets: List[DatasetGet]
    next_cursor: Optional[str]


class DatasetFilesFiles(TypedDict):
    path: str
    size_bytes: int
    sha256: str


class DatasetFiles(TypedDict):
    ref: str
    manifest: str
    files: List[DatasetFilesFiles]
    next_cursor: Optional[str]


class DatasetDiffA(TypedDict):
    ref: str
    manifest: str
    state: str
    classification: str
    files: int
    size_bytes: int


class DatasetDiffB(TypedDict):
    ref: str
    manifest: str
    state: str
    classification: str
    files: int
    size_bytes: int


class DatasetDiffChangesBefore(TypedDict):
    size_bytes: int
    sha256: str


class DatasetDiffChangesAfter(TypedDict):
    size_bytes: int
    sha256: str


DatasetDiffChanges = TypedDict("DatasetDiffChanges", {"path": "str", "change": "Literal['added', 'removed', 'changed', 'moved']", "before": "Optional[DatasetDiffChangesBefore]", "after": "Optional[DatasetDiffChangesAfter]", "from": "str"}, total=False)


class DatasetDiffSummary(TypedDict):
    added: int
    removed: int
    changed: int
    moved: int
    same: int


class DatasetDiff(TypedDict):
    a: DatasetDiffA
    b: DatasetDiffB
    changes: List[DatasetDiffChanges]
    summary: DatasetDiffSummary
    next_cursor: Optional[str]


class DatasetCardChangedBy(TypedDict):
    uid: int
    name: str


class DatasetCardMissing(TypedDict):
    field: str
    language: Optional[str]


class DatasetCard(TypedDict):
    name: str
    form: str
    form_version: int
    record_version: int
    latest_version: int
    changed_by: DatasetCardChangedBy
    changed_us: int
    created_us: int
    reason: Optional[str]
    answers: Dict[str, Any]
    withheld: List[str]
    missing: List[DatasetCardMissing]


class DatasetHistoryVersionsActor(TypedDict):
    uid: int
    name: str


class DatasetHistoryVersionsDifferences(TypedDict):
    field: str
    language: Optional[str]
    before: Any
    after: Any


class DatasetHistoryVersions(TypedDict):
    version: int
    actor: DatasetHistoryVersionsActor
    created_us: int
    form_version: int
    changed: List[str]
    reason: Optional[str]
    differences: List[DatasetHistoryVersionsDifferences]


class DatasetHistory(TypedDict):
    name: str
    versions: List[DatasetHistoryVersions]
    next_cursor: Optional[str]


class DatasetGrantGrantedBy(TypedDict):
    uid: int
    name: str


class DatasetGrant(TypedDict):
    grant: int
    name: str
    project: str
    purpose: str
    expires_us: int
    in_force: bool
    reason: Optional[str]
    granted_us: int
    granted_by: DatasetGrantGrantedBy
    revoked_us: Optional[int]
    revoked_by: Optional[str]
    revoked_reason: Optional[str]
    runs: int
    existed: bool


class DatasetRevokeGrantedBy(TypedDict):
    uid: int
    name: str


class DatasetRevoke(TypedDict):
    grant: int
    name: str
    project: str
    purpose: str
    expires_us: int
    in_force: bool
    reason: Optional[str]
    granted_us: int
    granted_by: DatasetRevokeGrantedBy
    revoked_us: Optional[int]
    revoked_by: Optional[str]
    revoked_reason: Optional[str]
    runs: int


class DatasetGrantsGrantsGrantedBy(TypedDict):
    uid: int
    name: str


class DatasetGrantsGrants(TypedDict):
    grant: int
    name: str
    project: str
    purpose: str
    expires_us: int
    in_force: bool
    reason: Optional[str]
    granted_us: int
    granted_by: DatasetGrantsGrantsGrantedBy
    revoked_us: Optional[int]
    revoked_by: Optional[str]
    revoked_reason: Optional[str]
    runs: int


class DatasetGrants(TypedDict):
    grants: List[DatasetGrantsGrants]
    next_cursor: Optional[str]


class DatasetWaitingQuarantined(TypedDict):
    ref: str
    reason: str


class DatasetWaitingDue(TypedDict):
    name: str
    what: Literal['pia', 'retention']
    day: str


class DatasetWaiting(TypedDict):
    quarantined: List[DatasetWaitingQuarantined]
    due: List[DatasetWaitingDue]


class EnvGetActor(TypedDict):
    uid: int
    name: str


class EnvGet(TypedDict):
    name: str
    version: int
    ref: str
    title: Optional[str]
    source: Literal['folder', 'tar', 'oci']
    source_digest: Optional[str]
    manifest: str
    entries: int
    size_bytes: int
    state: Literal['sealed', 'retired']
    quarantined: bool
    quarantine_reason: Optional[str]
    actor: EnvGetActor
    created_us: int
    retired_us: Optional[int]


class EnvList(TypedDict):
    environments: List[EnvGet]
    next_cursor: Optional[str]


class _ProfileListProfilesError(TypedDict):
    message: str


class ProfileListProfilesError(_ProfileListProfilesError, total=False):
    kind: str
    field: Optional[str]
    hint: Optional[str]


class _ProfileListProfiles(TypedDict):
    name: str
    file: str
    valid: bool


class ProfileListProfiles(_ProfileListProfiles, total=False):
    title: str
    title_fr: str
    extends: List[str]
    landlock: str
    landlock_min_abi: int
    network: str
    proc: str
    exec_memory: bool
    exec: str
    devices: List[Any]
    file_locks: bool
    allow_hosts: List[str]
    syscalls_allowed: int
    filter: str
    digest: str
    error: ProfileListProfilesError


class ProfileList(TypedDict):
    profiles: List[ProfileListProfiles]


class _ProfileGetError(TypedDict):
    message: str


class ProfileGetError(_ProfileGetError, total=False):
    kind: str
    field: Optional[str]
    hint: Optional[str]


class _ProfileGetSyscalls(TypedDict):
    name: str
    number: int
    rule: str


class ProfileGetSyscalls(_ProfileGetSyscalls, total=False):
    group: Optional[str]
    errno: Optional[str]
    args: Any
    why: Optional[str]
    file: Optional[str]
    line: Optional[int]


class _ProfileGetEntries(TypedDict):
    rule: str
    names: List[str]
    file: Optional[str]
    line: Optional[int]


class ProfileGetEntries(_ProfileGetEntries, total=False):
    group: Optional[str]
    when: Any
    errno: Optional[str]
    why: Optional[str]
    why_fr: Optional[str]


class _ProfileGetReasons(TypedDict):
    key: str
    why: str
    file: str
    line: int


class ProfileGetReasons(_ProfileGetReasons, total=False):
    why_fr: Optional[str]


class _ProfileGet(TypedDict):
    name: str
    file: str
    valid: bool


class ProfileGet(_ProfileGet, total=False):
    title: str
    title_fr: str
    extends: List[str]
    landlock: str
    landlock_min_abi: int
    network: str
    proc: str
    exec_memory: bool
    exec: str
    devices: List[Any]
    file_locks: bool
    allow_hosts: List[str]
    syscalls_allowed: int
    filter: str
    digest: str
    error: ProfileGetError
    env: Dict[str, str]
    host_env: List[str]
    thread_env: List[str]
    syscalls: List[ProfileGetSyscalls]
    entries: List[ProfileGetEntries]
    reasons: List[ProfileGetReasons]
    risks: Dict[str, str]


class ProfileDiffSettings(TypedDict):
    key: str
    a: Any
    b: Any


class ProfileDiffOnlyA(TypedDict):
    name: str
    when: List[str]
    why: Optional[str]
    why_fr: Optional[str]
    other_in_part: bool
    other_answers: Optional[str]
    other_why: Optional[str]
    other_why_fr: Optional[str]


class ProfileDiffOnlyB(TypedDict):
    name: str
    when: List[str]
    why: Optional[str]
    why_fr: Optional[str]
    other_in_part: bool
    other_answers: Optional[str]
    other_why: Optional[str]
    other_why_fr: Optional[str]


class ProfileDiffEnv(TypedDict):
    name: str
    a: Optional[str]
    b: Optional[str]


class ProfileDiff(TypedDict):
    a: str
    b: str
    settings: List[ProfileDiffSettings]
    only_a: List[ProfileDiffOnlyA]
    only_b: List[ProfileDiffOnlyB]
    env: List[ProfileDiffEnv]
    devices_a: List[str]
    devices_b: List[str]


class _ProfileCheckError(TypedDict):
    message: str


class ProfileCheckError(_ProfileCheckError, total=False):
    kind: str
    field: Optional[str]
    hint: Optional[str]


class _ProfileCheck(TypedDict):
    name: str
    file: str
    valid: bool


class ProfileCheck(_ProfileCheck, total=False):
    title: str
    title_fr: str
    extends: List[str]
    landlock: str
    landlock_min_abi: int
    network: str
    proc: str
    exec_memory: bool
    exec: str
    devices: List[Any]
    file_locks: bool
    allow_hosts: List[str]
    syscalls_allowed: int
    filter: str
    digest: str
    error: ProfileCheckError


class AuditListEntriesActor(TypedDict):
    uid: int
    name: str


class AuditListEntries(TypedDict):
    number: int
    time_us: int
    actor: AuditListEntriesActor
    action: str
    subject: str
    detail: Any
    previous: str
    hash: str


class AuditList(TypedDict):
    entries: List[AuditListEntries]
    next_cursor: Optional[str]


class AuditExportHead(TypedDict):
    number: int
    hash: str


class AuditExport(TypedDict):
    lines: List[str]
    next: int
    head: AuditExportHead


class AuditVerify(TypedDict):
    entries: int
    ok: bool
    broken: Optional[int]
    reason: Optional[str]
    head: str


class FormListFormsTitle(TypedDict, total=False):
    fr: str
    en: str


class FormListForms(TypedDict):
    form: str
    version: int
    title: FormListFormsTitle
    fields: int


class FormList(TypedDict):
    forms: List[FormListForms]


class FormGetTitle(TypedDict, total=False):
    fr: str
    en: str


class FormGetFieldsLabel(TypedDict, total=False):
    fr: str
    en: str


class FormGetFieldsHelp(TypedDict, total=False):
    fr: str
    en: str


class FormGetFieldsChoicesLabel(TypedDict, total=False):
    fr: str
    en: str


class FormGetFieldsChoices(TypedDict):
    value: str
    label: FormGetFieldsChoicesLabel


class _FormGetFields(TypedDict):
    name: str
    type: str
    required: Literal['never', 'complete', 'always']
    label: FormGetFieldsLabel
    bilingual: bool
    sensitive: bool
    many: bool


class FormGetFields(_FormGetFields, total=False):
    help: Optional[FormGetFieldsHelp]
    max_length: int
    max_count: int
    min: float
    max: float
    integer: bool
    unit: str
    ref: str
    choices: List[FormGetFieldsChoices]


class FormGet(TypedDict):
    form: str
    version: int
    title: FormGetTitle
    fields: List[FormGetFields]


class ProjectGetActor(TypedDict):
    uid: int
    name: str


class ProjectGetMembers(TypedDict):
    kind: str
    name: str
    roles: List[str]


class ProjectGetPassagesActor(TypedDict):
    uid: int
    name: str


ProjectGetPassages = TypedDict("ProjectGetPassages", {"number": "int", "from": "str", "to": "str", "reason": "str", "actor": "ProjectGetPassagesActor", "at_us": "int"}, total=False)


class ProjectGetChangedBy(TypedDict):
    uid: int
    name: str


class ProjectGetMissing(TypedDict):
    field: str
    language: Optional[str]


class ProjectGet(TypedDict):
    code: str
    stage: Literal['opportunity', 'assessed', 'experimenting', 'pilot', 'published', 'stopped']
    stage_us: int
    next_stages: List[str]
    actor: ProjectGetActor
    members: Optional[List[ProjectGetMembers]]
    experiments: int
    lessons: int
    passages: List[ProjectGetPassages]
    form: str
    form_version: int
    record_version: int
    latest_version: int
    changed_by: ProjectGetChangedBy
    changed_us: int
    created_us: int
    reason: Optional[str]
    answers: Dict[str, Any]
    withheld: List[str]
    missing: List[ProjectGetMissing]


class ProjectListProjectsTitle(TypedDict, total=False):
    fr: str
    en: str


class ProjectListProjects(TypedDict):
    code: str
    title: ProjectListProjectsTitle
    organisation: Optional[str]
    family: Optional[str]
    stage: str
    stage_us: int
    record_version: int
    changed_us: int
    created_us: int


class ProjectList(TypedDict):
    projects: List[ProjectListProjects]
    next_cursor: Optional[str]


class ProjectHistoryVersionsActor(TypedDict):
    uid: int
    name: str


class ProjectHistoryVersionsDifferences(TypedDict):
    field: str
    language: Optional[str]
    before: Any
    after: Any


class ProjectHistoryVersions(TypedDict):
    version: int
    actor: ProjectHistoryVersionsActor
    created_us: int
    form_version: int
    changed: List[str]
    reason: Optional[str]
    differences: List[ProjectHistoryVersionsDifferences]


class ProjectHistory(TypedDict):
    versions: List[ProjectHistoryVersions]
    next_cursor: Optional[str]


class ProjectSimilarSimilarTitle(TypedDict, total=False):
    fr: str
    en: str


class ProjectSimilarSimilar(TypedDict):
    code: str
    title: ProjectSimilarSimilarTitle
    organisation: Optional[str]
    family: Optional[str]
    stage: str
    text: float
    data: Optional[float]
    same_family: bool
    same_organisation: bool


class ProjectSimilar(TypedDict):
    similar: List[ProjectSimilarSimilar]


class ExperimentGetActor(TypedDict):
    uid: int
    name: str


class ExperimentGetChangedBy(TypedDict):
    uid: int
    name: str


class ExperimentGetMissing(TypedDict):
    field: str
    language: Optional[str]


class ExperimentGet(TypedDict):
    ref: str
    project: str
    name: str
    actor: ExperimentGetActor
    frozen_version: Optional[int]
    frozen_us: Optional[int]
    first_run: Optional[str]
    after_first_run: bool
    runs: int
    finished: int
    succeeded: int
    form: str
    form_version: int
    record_version: int
    latest_version: int
    changed_by: ExperimentGetChangedBy
    changed_us: int
    created_us: int
    reason: Optional[str]
    answers: Dict[str, Any]
    withheld: List[str]
    missing: List[ExperimentGetMissing]


class ExperimentListExperimentsTitle(TypedDict, total=False):
    fr: str
    en: str


class ExperimentListExperiments(TypedDict):
    ref: str
    project: str
    name: str
    title: ExperimentListExperimentsTitle
    frozen_version: Optional[int]
    frozen_us: Optional[int]
    runs: int
    record_version: int
    changed_us: int
    created_us: int


class ExperimentList(TypedDict):
    experiments: List[ExperimentListExperiments]
    next_cursor: Optional[str]


class ExperimentHistoryVersionsActor(TypedDict):
    uid: int
    name: str


class ExperimentHistoryVersionsDifferences(TypedDict):
    field: str
    language: Optional[str]
    before: Any
    after: Any


class ExperimentHistoryVersions(TypedDict):
    version: int
    actor: ExperimentHistoryVersionsActor
    created_us: int
    form_version: int
    changed: List[str]
    reason: Optional[str]
    differences: List[ExperimentHistoryVersionsDifferences]


class ExperimentHistory(TypedDict):
    frozen_version: Optional[int]
    frozen_us: Optional[int]
    versions: List[ExperimentHistoryVersions]
    next_cursor: Optional[str]


class LessonGetActor(TypedDict):
    uid: int
    name: str


class LessonGetChangedBy(TypedDict):
    uid: int
    name: str


class LessonGetMissing(TypedDict):
    field: str
    language: Optional[str]


class LessonGet(TypedDict):
    lesson: str
    project: str
    actor: LessonGetActor
    form: str
    form_version: int
    record_version: int
    latest_version: int
    changed_by: LessonGetChangedBy
    changed_us: int
    created_us: int
    reason: Optional[str]
    answers: Dict[str, Any]
    withheld: List[str]
    missing: List[LessonGetMissing]


class LessonListLessonsTitle(TypedDict, total=False):
    fr: str
    en: str


class LessonListLessons(TypedDict):
    lesson: str
    project: str
    title: LessonListLessonsTitle
    themes: Optional[List[str]]
    experiments: Optional[List[str]]
    runs: Optional[List[str]]
    record_version: int
    changed_us: int
    created_us: int


class LessonList(TypedDict):
    lessons: List[LessonListLessons]
    next_cursor: Optional[str]


class LessonHistoryVersionsActor(TypedDict):
    uid: int
    name: str


class LessonHistoryVersionsDifferences(TypedDict):
    field: str
    language: Optional[str]
    before: Any
    after: Any


class LessonHistoryVersions(TypedDict):
    version: int
    actor: LessonHistoryVersionsActor
    created_us: int
    form_version: int
    changed: List[str]
    reason: Optional[str]
    differences: List[LessonHistoryVersionsDifferences]


class LessonHistory(TypedDict):
    versions: List[LessonHistoryVersions]
    next_cursor: Optional[str]


class UserWhoamiProjects(TypedDict):
    project: str
    roles: List[str]


class UserWhoami(TypedDict):
    uid: int
    name: str
    kind: Literal['user', 'service']
    roles: List[str]
    projects: List[UserWhoamiProjects]
    sees_all_runs: bool
    admins: str
    token_expires_us: Optional[int]


class UserListUsersProjects(TypedDict):
    project: str
    roles: List[str]


class UserListUsersGrants(TypedDict):
    role: str
    project: Optional[str]
    granted_by: str
    granted_us: int


class UserListUsers(TypedDict):
    account: int
    kind: Literal['user', 'group', 'service']
    number: int
    name: str
    roles: List[str]
    projects: List[UserListUsersProjects]
    grants: List[UserListUsersGrants]
    created_us: int
    seen_us: Optional[int]


class UserList(TypedDict):
    users: List[UserListUsers]
    next_cursor: Optional[str]


class UserGrantProjects(TypedDict):
    project: str
    roles: List[str]


class UserGrantGrants(TypedDict):
    role: str
    project: Optional[str]
    granted_by: str
    granted_us: int


class UserGrant(TypedDict):
    account: int
    kind: Literal['user', 'group', 'service']
    number: int
    name: str
    roles: List[str]
    projects: List[UserGrantProjects]
    grants: List[UserGrantGrants]
    created_us: int
    seen_us: Optional[int]


class UserRevokeProjects(TypedDict):
    project: str
    roles: List[str]


class UserRevokeGrants(TypedDict):
    role: str
    project: Optional[str]
    granted_by: str
    granted_us: int


class UserRevoke(TypedDict):
    account: int
    kind: Literal['user', 'group', 'service']
    number: int
    name: str
    roles: List[str]
    projects: List[UserRevokeProjects]
    grants: List[UserRevokeGrants]
    created_us: int
    seen_us: Optional[int]


class UserAuthenticate(TypedDict):
    name: str
    token: str
    expires_us: int


class TokenCreateActor(TypedDict):
    uid: int
    name: str


class TokenCreate(TypedDict):
    token: str
    service: str
    title: Optional[str]
    roles: List[str]
    project: Optional[str]
    state: Literal['active', 'expired', 'revoked']
    actor: TokenCreateActor
    created_us: int
    expires_us: int
    used_day: Optional[str]
    revoked_us: Optional[int]
    revoked_by: Optional[str]
    secret: Optional[str]
    existed: bool


class TokenListTokensActor(TypedDict):
    uid: int
    name: str


class TokenListTokens(TypedDict):
    token: str
    service: str
    title: Optional[str]
    roles: List[str]
    project: Optional[str]
    state: Literal['active', 'expired', 'revoked']
    actor: TokenListTokensActor
    created_us: int
    expires_us: int
    used_day: Optional[str]
    revoked_us: Optional[int]
    revoked_by: Optional[str]


class TokenList(TypedDict):
    tokens: List[TokenListTokens]
    next_cursor: Optional[str]


class TokenRevokeActor(TypedDict):
    uid: int
    name: str


class TokenRevoke(TypedDict):
    token: str
    service: str
    title: Optional[str]
    roles: List[str]
    project: Optional[str]
    state: Literal['active', 'expired', 'revoked']
    actor: TokenRevokeActor
    created_us: int
    expires_us: int
    used_day: Optional[str]
    revoked_us: Optional[int]
    revoked_by: Optional[str]


class HoldAddActor(TypedDict):
    uid: int
    name: str


class HoldAdd(TypedDict):
    noun: Literal['run', 'dataset', 'environment']
    subject: str
    reason: str
    actor: HoldAddActor
    created_us: int
    existed: bool


class HoldLiftActor(TypedDict):
    uid: int
    name: str


class HoldLift(TypedDict):
    noun: Literal['run', 'dataset', 'environment']
    subject: str
    reason: str
    actor: HoldLiftActor
    created_us: int


class HoldListHoldsActor(TypedDict):
    uid: int
    name: str


class HoldListHolds(TypedDict):
    noun: Literal['run', 'dataset', 'environment']
    subject: str
    reason: str
    actor: HoldListHoldsActor
    created_us: int


class HoldList(TypedDict):
    holds: List[HoldListHolds]
    next_cursor: Optional[str]


class LabGcReleased(TypedDict):
    runs: int
    datasets: int
    environments: int


class LabGc(TypedDict):
    dry_run: bool
    released: LabGcReleased
    objects: int
    size_bytes: int
    removed: int
    removed_bytes: int
    kept_young: int


class LabBackupAudit(TypedDict):
    number: int
    hash: str


class LabBackup(TypedDict):
    objects: Literal['included', 'listed']
    created_us: int
    object_count: int
    object_bytes: int
    catalog_bytes: int
    runs: int
    file_bytes: int
    audit: LabBackupAudit


class LabDoctorDeepChecks(TypedDict):
    name: str
    ok: bool
    message: str
    hint: Optional[str]


class LabDoctorDeep(TypedDict):
    checks: List[LabDoctorDeepChecks]


class LabDoingDoing(TypedDict):
    name: str
    phase: str
    since_us: int
    done: int
    total: int


class LabDoing(TypedDict):
    doing: Optional[LabDoingDoing]


class DatasetQuality(TypedDict):
    run: str
    state: str
    existed: bool


class DatasetQualityGetActor(TypedDict):
    uid: int
    name: str


class DatasetQualityGet(TypedDict):
    name: str
    version: int
    ref: str
    state: Literal['done', 'failed', 'queued', 'starting', 'running']
    reason: Optional[str]
    run: str
    under_way: Optional[str]
    actor: DatasetQualityGetActor
    small_count: int
    profiler: Optional[str]
    created_us: int
    reported_us: Optional[int]
    report: Optional[Dict[str, Any]]
    drift: Optional[Dict[str, Any]]


class DatasetDescribe(DatasetCard):
    changed: bool


class EnvImport(EnvGet):
    existed: bool


class ProjectCreateSimilarTitle(TypedDict, total=False):
    fr: str
    en: str


class ProjectCreateSimilar(TypedDict):
    code: str
    title: ProjectCreateSimilarTitle
    organisation: Optional[str]
    family: Optional[str]
    stage: str
    text: float
    data: Optional[float]
    same_family: bool
    same_organisation: bool


class ProjectCreate(ProjectGet):
    existed: bool
    similar: List[ProjectCreateSimilar]


class ProjectEditSimilarTitle(TypedDict, total=False):
    fr: str
    en: str


class ProjectEditSimilar(TypedDict):
    code: str
    title: ProjectEditSimilarTitle
    organisation: Optional[str]
    family: Optional[str]
    stage: str
    text: float
    data: Optional[float]
    same_family: bool
    same_organisation: bool


class ProjectEdit(ProjectGet):
    changed: bool
    similar: List[ProjectEditSimilar]


class ExperimentCreate(ExperimentGet):
    existed: bool


class ExperimentEdit(ExperimentGet):
    changed: bool


class LessonAdd(LessonGet):
    existed: bool


class LessonEdit(LessonGet):
    changed: bool


DatasetSeal = DatasetGet


DatasetUnquarantine = DatasetGet


DatasetRetire = DatasetGet


DatasetHandOver = DatasetGet


EnvRetire = EnvGet


ProjectAdvance = ProjectGet


class _RunEvent(TypedDict):
    subscription: int
    number: int
    type: Literal['stdout', 'stderr', 'gap', 'metric', 'event', 'state', 'finished']


class RunEvent(_RunEvent, total=False):
    next: int
    time_us: int
    text: str
    base64: str
    data: Any
    run: Optional[RunGet]
    error: str


class RunSubmitParamsResources(TypedDict, total=False):
    cpus_milli: int
    memory_bytes: int
    processes: int
    wall_ms: int
    cpu_ms: int
    grace_ms: int
    work_bytes: int
    tmp_bytes: int
    output_bytes: int
    output_files: int
    output_disk: int
    log_bytes: int


class _RunSubmitParamsGit(TypedDict):
    commit: str


class RunSubmitParamsGit(_RunSubmitParamsGit, total=False):
    branch: str
    dirty: bool


class _RunSubmitParamsInteractive(TypedDict):
    kind: Literal['shell', 'notebook']


class RunSubmitParamsInteractive(_RunSubmitParamsInteractive, total=False):
    idle_ms: int
    rows: int
    cols: int



class AuditMethods:
    """audit.*"""

    def __init__(self, call: Callable[[str, Dict[str, Any]], Any]) -> None:
        self._call = call

    def list(
        self,
        *,
        actor: Optional[str] = None,
        action: Optional[str] = None,
        subject: Optional[str] = None,
        from_us: Optional[int] = None,
        to_us: Optional[int] = None,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
        filter: Optional[str] = None,
        order_by: Optional[str] = None,
    ) -> AuditList:
        """Entries of the audit log, the newest first."""
        return self._call("audit.list", {"actor": actor, "action": action, "subject": subject, "from_us": from_us, "to_us": to_us, "limit": limit, "cursor": cursor, "filter": filter, "order_by": order_by})  # type: ignore[no-any-return]

    def export(
        self,
        *,
        from_: Optional[int] = None,
        limit: Optional[int] = None,
    ) -> AuditExport:
        """Entries in the order of the chain, each the text that was hashed with its hash as last member:
        whoever takes ,"hash":"..." away can check the rest against it."""
        return self._call("audit.export", {"from": from_, "limit": limit})  # type: ignore[no-any-return]

    def verify(
        self,
    ) -> AuditVerify:
        """Walks the chain of the audit log from its first entry."""
        return self._call("audit.verify", {})  # type: ignore[no-any-return]


class BlobMethods:
    """blob.*"""

    def __init__(self, call: Callable[[str, Dict[str, Any]], Any]) -> None:
        self._call = call

    def missing(
        self,
        *,
        sha256: List[str],
    ) -> BlobMissing:
        """Which of these objects this account has not given, or the lab does not have any more."""
        return self._call("blob.missing", {"sha256": sha256})  # type: ignore[no-any-return]

    def put(
        self,
        *,
        sha256: str,
        size_bytes: int,
    ) -> BlobPut:
        """Stores a file whose descriptor comes with the request (SCM_RIGHTS, with its first byte)."""
        return self._call("blob.put", {"sha256": sha256, "size_bytes": size_bytes})  # type: ignore[no-any-return]

    def put_chunk(
        self,
        *,
        sha256: str,
        total_bytes: int,
        offset: int,
        data_base64: str,
    ) -> BlobPutChunk:
        """Stores an object piece by piece; an empty piece asks how far it is."""
        return self._call("blob.put_chunk", {"sha256": sha256, "total_bytes": total_bytes, "offset": offset, "data_base64": data_base64})  # type: ignore[no-any-return]


class CatalogMethods:
    """catalog.*"""

    def __init__(self, call: Callable[[str, Dict[str, Any]], Any]) -> None:
        self._call = call

    def changes(
        self,
        *,
        cursor: Optional[str] = None,
        limit: Optional[int] = None,
        wait_ms: Optional[int] = None,
    ) -> CatalogChanges:
        """What changed in the catalog, in order, from a cursor on: a mirror is made from it. Without a
        cursor from the beginning. Of an object that comes several times in a page, the last change carries
        it."""
        return self._call("catalog.changes", {"cursor": cursor, "limit": limit, "wait_ms": wait_ms})  # type: ignore[no-any-return]

    def search(
        self,
        *,
        text: str,
        noun: Optional[Literal['run', 'dataset', 'env', 'project', 'experiment', 'lesson']] = None,
        limit: Optional[int] = None,
    ) -> CatalogSearch:
        """What has all these words, the best first: in names, titles, descriptions, params, tags, commands.
        Case and accents do not count; a word is found by its beginning, "words in quotes" as they are."""
        return self._call("catalog.search", {"text": text, "noun": noun, "limit": limit})  # type: ignore[no-any-return]

    def reindex(
        self,
    ) -> CatalogReindex:
        """Makes the search index anew from the catalog; says whether it was damaged. The lab writes nothing
        else meanwhile: 30 s for a million runs."""
        return self._call("catalog.reindex", {})  # type: ignore[no-any-return]


class DatasetMethods:
    """dataset.*"""

    def __init__(self, call: Callable[[str, Dict[str, Any]], Any]) -> None:
        self._call = call

    def add(
        self,
        *,
        name: str,
        classification: Literal['public', 'interne', 'confidentiel', 'tres_confidentiel'],
        manifest: str,
        title: Optional[str] = None,
        description: Optional[str] = None,
        idempotency_key: Optional[str] = None,
    ) -> DatasetAdd:
        """Registers a version of a dataset, as a draft. The same again, while that draft is the latest
        version and not sealed, gives the same draft. Whoever adds a new dataset keeps it; only they add
        versions."""
        return self._call("dataset.add", {"name": name, "classification": classification, "manifest": manifest, "title": title, "description": description, "idempotency_key": idempotency_key})  # type: ignore[no-any-return]

    def seal(
        self,
        *,
        name: str,
        version: int,
    ) -> DatasetSeal:
        """Checks every file of a draft and closes it: from then on runs may use it. When files are missing
        or damaged the draft stays: send what blob.missing names, then again."""
        return self._call("dataset.seal", {"name": name, "version": version})  # type: ignore[no-any-return]

    def verify(
        self,
        *,
        name: str,
        version: Optional[int] = None,
    ) -> DatasetVerify:
        """Reads every file of a version again, whatever is remembered of it. What is not what was sealed is
        put in quarantine. An auditor may ask it of any dataset."""
        return self._call("dataset.verify", {"name": name, "version": version})  # type: ignore[no-any-return]

    def progress(
        self,
        *,
        name: str,
        version: int,
    ) -> DatasetProgress:
        """How far dataset.seal, verify or unquarantine of a version is, while it is under way."""
        return self._call("dataset.progress", {"name": name, "version": version})  # type: ignore[no-any-return]

    def unquarantine(
        self,
        *,
        name: str,
        version: int,
        reason: str,
    ) -> DatasetUnquarantine:
        """Lets a version out of quarantine, after every file was read again and was right."""
        return self._call("dataset.unquarantine", {"name": name, "version": version, "reason": reason})  # type: ignore[no-any-return]

    def get(
        self,
        *,
        name: str,
        version: Optional[int] = None,
    ) -> DatasetGet:
        """A dataset version."""
        return self._call("dataset.get", {"name": name, "version": version})  # type: ignore[no-any-return]

    def list(
        self,
        *,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
        filter: Optional[str] = None,
        order_by: Optional[str] = None,
    ) -> DatasetList:
        """All dataset versions by name."""
        return self._call("dataset.list", {"limit": limit, "cursor": cursor, "filter": filter, "order_by": order_by})  # type: ignore[no-any-return]

    def files(
        self,
        *,
        name: str,
        version: Optional[int] = None,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> DatasetFiles:
        """The files of a version: names, sizes and digests, never their content."""
        return self._call("dataset.files", {"name": name, "version": version, "limit": limit, "cursor": cursor})  # type: ignore[no-any-return]

    def diff(
        self,
        *,
        a: str,
        b: str,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> DatasetDiff:
        """Which files differ from version a to version b. A file whose content stood under another name in
        a is told as moved. The summary counts all of them on each page."""
        return self._call("dataset.diff", {"a": a, "b": b, "limit": limit, "cursor": cursor})  # type: ignore[no-any-return]

    def describe(
        self,
        *,
        name: str,
        set: Dict[str, Any],
        version: Optional[int] = None,
        reason: Optional[str] = None,
    ) -> DatasetDescribe:
        """Changes the card of a dataset (all versions), or makes it. Every version of a card is kept."""
        return self._call("dataset.describe", {"name": name, "set": set, "version": version, "reason": reason})  # type: ignore[no-any-return]

    def card(
        self,
        *,
        name: str,
        version: Optional[int] = None,
    ) -> DatasetCard:
        """The card of a dataset."""
        return self._call("dataset.card", {"name": name, "version": version})  # type: ignore[no-any-return]

    def history(
        self,
        *,
        name: str,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> DatasetHistory:
        """Versions of a dataset's card, the newest first: who changed what, when and why."""
        return self._call("dataset.history", {"name": name, "limit": limit, "cursor": cursor})  # type: ignore[no-any-return]

    def grant(
        self,
        *,
        name: str,
        project: str,
        expires_us: int,
        purpose: Optional[Literal['experimentation', 'research', 'statistics', 'service_improvement', 'training', 'quality']] = None,
        reason: Optional[str] = None,
        idempotency_key: Optional[str] = None,
    ) -> DatasetGrant:
        """Lets a project use a dataset for a purpose, until a moment. Granting it again with another expiry
        replaces the grant."""
        return self._call("dataset.grant", {"name": name, "project": project, "expires_us": expires_us, "purpose": purpose, "reason": reason, "idempotency_key": idempotency_key})  # type: ignore[no-any-return]

    def revoke(
        self,
        *,
        grant: int,
        reason: Optional[str] = None,
    ) -> DatasetRevoke:
        """Takes a grant back. Runs that go are not ended; queued ones will not start."""
        return self._call("dataset.revoke", {"grant": grant, "reason": reason})  # type: ignore[no-any-return]

    def grants(
        self,
        *,
        name: Optional[str] = None,
        project: Optional[str] = None,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> DatasetGrants:
        """Grants of a dataset, of a project, or of both together, the newest first; those that are over
        too."""
        return self._call("dataset.grants", {"name": name, "project": project, "limit": limit, "cursor": cursor})  # type: ignore[no-any-return]

    def retire(
        self,
        *,
        name: str,
        version: int,
        reason: str,
    ) -> DatasetRetire:
        """Closes a version to new runs, and to queued ones. Its files stay."""
        return self._call("dataset.retire", {"name": name, "version": version, "reason": reason})  # type: ignore[no-any-return]

    def hand_over(
        self,
        *,
        name: str,
        to: str,
        reason: Optional[str] = None,
    ) -> DatasetHandOver:
        """Gives a dataset, all versions and its card, to another custodian."""
        return self._call("dataset.hand_over", {"name": name, "to": to, "reason": reason})  # type: ignore[no-any-return]

    def waiting(
        self,
    ) -> DatasetWaiting:
        """What waits for the caller as keeper of datasets: versions in quarantine, assessments and
        retention days that are over or end within 30 days."""
        return self._call("dataset.waiting", {})  # type: ignore[no-any-return]

    def quality(
        self,
        *,
        name: str,
        version: Optional[int] = None,
        small_count: Optional[int] = None,
        delimiter: Optional[Literal[',', ';', 'tab', '|', ':', '^', '~']] = None,
        header: Optional[bool] = None,
        idempotency_key: Optional[str] = None,
    ) -> DatasetQuality:
        """Profiles a sealed version, by a run under the profile inspect whose root holds nothing but the
        profiler: types, missing values, distributions, duplicates, faults of form and encoding, identifiers
        of persons, groups of quasi-identifiers. No value of an identifier is ever reported."""
        return self._call("dataset.quality", {"name": name, "version": version, "small_count": small_count, "delimiter": delimiter, "header": header, "idempotency_key": idempotency_key})  # type: ignore[no-any-return]

    def quality_get(
        self,
        *,
        name: str,
        version: Optional[int] = None,
        against: Optional[int] = None,
    ) -> DatasetQualityGet:
        """The last profile of a version, and what changed since the version before it that has one."""
        return self._call("dataset.quality_get", {"name": name, "version": version, "against": against})  # type: ignore[no-any-return]


class EnvMethods:
    """env.*"""

    def __init__(self, call: Callable[[str, Dict[str, Any]], Any]) -> None:
        self._call = call

    def import_(
        self,
        *,
        name: str,
        source: Literal['folder', 'tar', 'oci'],
        manifest: str,
        title: Optional[str] = None,
        source_digest: Optional[str] = None,
        idempotency_key: Optional[str] = None,
    ) -> EnvImport:
        """Makes a version of an environment of a root file system whose files were stored before. Every
        file is checked first; it may be used at once and never changes. The content of the latest version
        again gives that version."""
        return self._call("env.import", {"name": name, "source": source, "manifest": manifest, "title": title, "source_digest": source_digest, "idempotency_key": idempotency_key})  # type: ignore[no-any-return]

    def get(
        self,
        *,
        name: str,
        version: Optional[int] = None,
    ) -> EnvGet:
        """An environment version."""
        return self._call("env.get", {"name": name, "version": version})  # type: ignore[no-any-return]

    def list(
        self,
        *,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
        filter: Optional[str] = None,
        order_by: Optional[str] = None,
    ) -> EnvList:
        """All environment versions by name."""
        return self._call("env.list", {"limit": limit, "cursor": cursor, "filter": filter, "order_by": order_by})  # type: ignore[no-any-return]

    def retire(
        self,
        *,
        name: str,
        version: int,
        reason: Optional[str] = None,
    ) -> EnvRetire:
        """Closes an environment version to new runs. Refused while runs that have not finished use it;
        those that have keep telling which it was."""
        return self._call("env.retire", {"name": name, "version": version, "reason": reason})  # type: ignore[no-any-return]


class ExperimentMethods:
    """experiment.*"""

    def __init__(self, call: Callable[[str, Dict[str, Any]], Any]) -> None:
        self._call = call

    def create(
        self,
        *,
        project: str,
        name: str,
        answers: Dict[str, Any],
        idempotency_key: Optional[str] = None,
    ) -> ExperimentCreate:
        """Makes an experiment in a project: members who are scientists, and curators."""
        return self._call("experiment.create", {"project": project, "name": name, "answers": answers, "idempotency_key": idempotency_key})  # type: ignore[no-any-return]

    def get(
        self,
        *,
        project: str,
        name: str,
        version: Optional[int] = None,
    ) -> ExperimentGet:
        """All that is known of an experiment."""
        return self._call("experiment.get", {"project": project, "name": name, "version": version})  # type: ignore[no-any-return]

    def list(
        self,
        *,
        project: Optional[str] = None,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
        filter: Optional[str] = None,
        order_by: Optional[str] = None,
    ) -> ExperimentList:
        """Experiments in the order in which they were made."""
        return self._call("experiment.list", {"project": project, "limit": limit, "cursor": cursor, "filter": filter, "order_by": order_by})  # type: ignore[no-any-return]

    def edit(
        self,
        *,
        project: str,
        name: str,
        version: int,
        set: Dict[str, Any],
        reason: Optional[str] = None,
    ) -> ExperimentEdit:
        """Changes an experiment, as a new version. After its first run a reason is needed, and the new
        version is shown as made after it."""
        return self._call("experiment.edit", {"project": project, "name": name, "version": version, "set": set, "reason": reason})  # type: ignore[no-any-return]

    def history(
        self,
        *,
        project: str,
        name: str,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> ExperimentHistory:
        """Its versions, newest first, with what each one changed."""
        return self._call("experiment.history", {"project": project, "name": name, "limit": limit, "cursor": cursor})  # type: ignore[no-any-return]


class FormMethods:
    """form.*"""

    def __init__(self, call: Callable[[str, Dict[str, Any]], Any]) -> None:
        self._call = call

    def list(
        self,
    ) -> FormList:
        """The forms: what is asked of each kind of record."""
        return self._call("form.list", {})  # type: ignore[no-any-return]

    def get(
        self,
        *,
        form: str,
    ) -> FormGet:
        """A form with its fields, their labels in both languages, types and bounds."""
        return self._call("form.get", {"form": form})  # type: ignore[no-any-return]


class HoldMethods:
    """hold.*"""

    def __init__(self, call: Callable[[str, Dict[str, Any]], Any]) -> None:
        self._call = call

    def add(
        self,
        *,
        subject: str,
        reason: str,
        noun: Optional[Literal['run', 'dataset', 'environment']] = None,
    ) -> HoldAdd:
        """Keeps the content of a run, a dataset version or an environment, whatever its age, until the hold
        is lifted. The same again by the same account gives the first one."""
        return self._call("hold.add", {"subject": subject, "reason": reason, "noun": noun})  # type: ignore[no-any-return]

    def lift(
        self,
        *,
        subject: str,
        reason: str,
        noun: Optional[Literal['run', 'dataset', 'environment']] = None,
    ) -> HoldLift:
        """Ends a hold: by who made it, a curator or an admin."""
        return self._call("hold.lift", {"subject": subject, "reason": reason, "noun": noun})  # type: ignore[no-any-return]

    def list(
        self,
        *,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> HoldList:
        """Holds, by noun."""
        return self._call("hold.list", {"limit": limit, "cursor": cursor})  # type: ignore[no-any-return]


class LabMethods:
    """lab.*"""

    def __init__(self, call: Callable[[str, Dict[str, Any]], Any]) -> None:
        self._call = call

    def ping(
        self,
    ) -> LabPing:
        """Answers at once."""
        return self._call("lab.ping", {})  # type: ignore[no-any-return]

    def info(
        self,
    ) -> LabInfo:
        """What this lab is, has and does now, and who you are to it."""
        return self._call("lab.info", {})  # type: ignore[no-any-return]

    def doctor(
        self,
    ) -> LabDoctor:
        """Looks for what is wrong or missing on this host and in the lab: dataset versions in quarantine,
        damaged objects."""
        return self._call("lab.doctor", {})  # type: ignore[no-any-return]

    def gc(
        self,
        *,
        dry_run: Optional[bool] = None,
        retired_for_ms: Optional[int] = None,
        runs_older_than_ms: Optional[int] = None,
    ) -> LabGc:
        """Removes objects that nothing refers to. Versions that have been retired for long, and runs when
        it is asked for, let their content go first, unless they are on hold; what is told of them stays.
        What was put or asked for in the last day stays. A dry run unless told otherwise."""
        return self._call("lab.gc", {"dry_run": dry_run, "retired_for_ms": retired_for_ms, "runs_older_than_ms": runs_older_than_ms})  # type: ignore[no-any-return]

    def backup(
        self,
        *,
        objects: Optional[Literal['included', 'listed']] = None,
    ) -> LabBackup:
        """Writes the lab to the file whose descriptor comes with the request: a copy of the catalog of one
        moment, objects, what runs said. The lab works on meanwhile. `enclosd restore` makes a lab of it."""
        return self._call("lab.backup", {"objects": objects})  # type: ignore[no-any-return]

    def doctor_deep(
        self,
    ) -> LabDoctorDeep:
        """Reads the whole lab: every page of the catalog, the audit log, every object against its name,
        every reference, every tree. At the lowest priority; lab.doing says how far it is."""
        return self._call("lab.doctor_deep", {})  # type: ignore[no-any-return]

    def doing(
        self,
    ) -> LabDoing:
        """How far a long work of the lab is: a collection, a backup, a deep check."""
        return self._call("lab.doing", {})  # type: ignore[no-any-return]


class LessonMethods:
    """lesson.*"""

    def __init__(self, call: Callable[[str, Dict[str, Any]], Any]) -> None:
        self._call = call

    def add(
        self,
        *,
        project: str,
        answers: Dict[str, Any],
        idempotency_key: Optional[str] = None,
    ) -> LessonAdd:
        """Writes a lesson learned in a project: members who are scientists, and curators. It may name
        experiments, and runs that its writer sees."""
        return self._call("lesson.add", {"project": project, "answers": answers, "idempotency_key": idempotency_key})  # type: ignore[no-any-return]

    def get(
        self,
        *,
        lesson: str,
        version: Optional[int] = None,
    ) -> LessonGet:
        """All that is known of a lesson."""
        return self._call("lesson.get", {"lesson": lesson, "version": version})  # type: ignore[no-any-return]

    def list(
        self,
        *,
        project: Optional[str] = None,
        experiment: Optional[str] = None,
        run: Optional[str] = None,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
        filter: Optional[str] = None,
        order_by: Optional[str] = None,
    ) -> LessonList:
        """Lessons, newest first."""
        return self._call("lesson.list", {"project": project, "experiment": experiment, "run": run, "limit": limit, "cursor": cursor, "filter": filter, "order_by": order_by})  # type: ignore[no-any-return]

    def edit(
        self,
        *,
        lesson: str,
        version: int,
        set: Dict[str, Any],
        reason: Optional[str] = None,
    ) -> LessonEdit:
        """Changes a lesson, as a new version."""
        return self._call("lesson.edit", {"lesson": lesson, "version": version, "set": set, "reason": reason})  # type: ignore[no-any-return]

    def history(
        self,
        *,
        lesson: str,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> LessonHistory:
        """Its versions, newest first, with what each one changed."""
        return self._call("lesson.history", {"lesson": lesson, "limit": limit, "cursor": cursor})  # type: ignore[no-any-return]


class LineageMethods:
    """lineage.*"""

    def __init__(self, call: Callable[[str, Dict[str, Any]], Any]) -> None:
        self._call = call

    def get(
        self,
        *,
        run: Optional[str] = None,
        path: Optional[str] = None,
        sha256: Optional[str] = None,
        dataset: Optional[str] = None,
        direction: Optional[Literal['both', 'before', 'after']] = None,
        depth: Optional[int] = None,
        limit: Optional[int] = None,
    ) -> LineageGet:
        """What a run, an artifact or a dataset version comes from, and what it led to."""
        return self._call("lineage.get", {"run": run, "path": path, "sha256": sha256, "dataset": dataset, "direction": direction, "depth": depth, "limit": limit})  # type: ignore[no-any-return]


class ProfileMethods:
    """profile.*"""

    def __init__(self, call: Callable[[str, Dict[str, Any]], Any]) -> None:
        self._call = call

    def list(
        self,
    ) -> ProfileList:
        """The sandbox profiles, the invalid ones with what is wrong."""
        return self._call("profile.list", {})  # type: ignore[no-any-return]

    def get(
        self,
        *,
        name: str,
        effective: Optional[bool] = None,
    ) -> ProfileGet:
        """One sandbox profile."""
        return self._call("profile.get", {"name": name, "effective": effective})  # type: ignore[no-any-return]

    def diff(
        self,
        *,
        a: str,
        b: str,
    ) -> ProfileDiff:
        """What each of two profiles allows that the other refuses."""
        return self._call("profile.diff", {"a": a, "b": b})  # type: ignore[no-any-return]

    def check(
        self,
        *,
        name: str,
        text: str,
    ) -> ProfileCheck:
        """Says whether a text is a valid profile of this lab; nothing is kept."""
        return self._call("profile.check", {"name": name, "text": text})  # type: ignore[no-any-return]


class ProjectMethods:
    """project.*"""

    def __init__(self, call: Callable[[str, Dict[str, Any]], Any]) -> None:
        self._call = call

    def create(
        self,
        *,
        code: str,
        answers: Dict[str, Any],
        idempotency_key: Optional[str] = None,
    ) -> ProjectCreate:
        """Makes a project, at the stage opportunity, and tells which others are possibly similar."""
        return self._call("project.create", {"code": code, "answers": answers, "idempotency_key": idempotency_key})  # type: ignore[no-any-return]

    def get(
        self,
        *,
        code: str,
        version: Optional[int] = None,
    ) -> ProjectGet:
        """All that is known of a project."""
        return self._call("project.get", {"code": code, "version": version})  # type: ignore[no-any-return]

    def list(
        self,
        *,
        stage: Optional[Literal['opportunity', 'assessed', 'experimenting', 'pilot', 'published', 'stopped']] = None,
        organisation: Optional[str] = None,
        family: Optional[Literal['analysis_prediction', 'automation', 'interaction', 'environment']] = None,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
        filter: Optional[str] = None,
        order_by: Optional[str] = None,
    ) -> ProjectList:
        """Projects by code."""
        return self._call("project.list", {"stage": stage, "organisation": organisation, "family": family, "limit": limit, "cursor": cursor, "filter": filter, "order_by": order_by})  # type: ignore[no-any-return]

    def edit(
        self,
        *,
        code: str,
        version: int,
        set: Dict[str, Any],
        reason: Optional[str] = None,
    ) -> ProjectEdit:
        """Changes what is told of a project, as a new version, and tells which others are possibly
        similar."""
        return self._call("project.edit", {"code": code, "version": version, "set": set, "reason": reason})  # type: ignore[no-any-return]

    def advance(
        self,
        *,
        code: str,
        to: Literal['assessed', 'experimenting', 'pilot', 'published', 'stopped'],
        reason: str,
    ) -> ProjectAdvance:
        """Passes a project to its next stage, or stops it, with the reason. Its record must be complete,
        but to stop."""
        return self._call("project.advance", {"code": code, "to": to, "reason": reason})  # type: ignore[no-any-return]

    def history(
        self,
        *,
        code: str,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> ProjectHistory:
        """Its versions, newest first, with what each one changed."""
        return self._call("project.history", {"code": code, "limit": limit, "cursor": cursor})  # type: ignore[no-any-return]

    def similar(
        self,
        *,
        code: str,
    ) -> ProjectSimilar:
        """Projects that are possibly similar, the most alike first: near-same titles and summaries, or
        alike in those, in data and in family. Texts are compared in the same language."""
        return self._call("project.similar", {"code": code})  # type: ignore[no-any-return]


class ReportMethods:
    """report.*"""

    def __init__(self, call: Callable[[str, Dict[str, Any]], Any]) -> None:
        self._call = call

    def get(
        self,
        *,
        kind: Literal['portfolio', 'accountability', 'data-access', 'environment'],
        from_us: Optional[int] = None,
        to_us: Optional[int] = None,
        region: Optional[Literal['QC', 'ON', 'MB', 'BC', 'NB', 'NS', 'NL', 'SK', 'AB', 'CA']] = None,
    ) -> ReportGet:
        """What was tried, for whom, on which data, at what cost and with which outcome, over a period.
        Energy and carbon are estimated: the method says how."""
        return self._call("report.get", {"kind": kind, "from_us": from_us, "to_us": to_us, "region": region})  # type: ignore[no-any-return]


class RpcMethods:
    """rpc.*"""

    def __init__(self, call: Callable[[str, Dict[str, Any]], Any]) -> None:
        self._call = call

    def discover(
        self,
    ) -> RpcDiscover:
        """This document: every method, its params, result and errors (OpenRPC)."""
        return self._call("rpc.discover", {})  # type: ignore[no-any-return]

    def unsubscribe(
        self,
        *,
        subscription: int,
    ) -> RpcUnsubscribe:
        """Ends a subscription of this connection."""
        return self._call("rpc.unsubscribe", {"subscription": subscription})  # type: ignore[no-any-return]


class RunMethods:
    """run.*"""

    def __init__(self, call: Callable[[str, Dict[str, Any]], Any]) -> None:
        self._call = call

    def submit(
        self,
        *,
        command: List[str],
        name: Optional[str] = None,
        code: Optional[str] = None,
        profile: Optional[str] = None,
        datasets: Optional[List[str]] = None,
        environment: Optional[str] = None,
        resources: Optional[RunSubmitParamsResources] = None,
        env: Optional[Dict[str, str]] = None,
        params: Optional[Dict[str, Union[str, float, bool]]] = None,
        seed: Optional[int] = None,
        git: Optional[RunSubmitParamsGit] = None,
        parent: Optional[str] = None,
        tags: Optional[Dict[str, Union[str, float, bool]]] = None,
        project: Optional[str] = None,
        experiment: Optional[str] = None,
        purpose: Optional[Literal['experimentation', 'research', 'statistics', 'service_improvement', 'training', 'quality']] = None,
        priority: Optional[int] = None,
        limits: Optional[Literal['enforced', 'best_effort']] = None,
        report_paths: Optional[bool] = None,
        allow_hosts: Optional[List[str]] = None,
        warm: Optional[bool] = None,
        interactive: Optional[RunSubmitParamsInteractive] = None,
        idempotency_key: Optional[str] = None,
    ) -> RunSubmit:
        """Queues a run; answers once that is on disk."""
        return self._call("run.submit", {"command": command, "name": name, "code": code, "profile": profile, "datasets": datasets, "environment": environment, "resources": resources, "env": env, "params": params, "seed": seed, "git": git, "parent": parent, "tags": tags, "project": project, "experiment": experiment, "purpose": purpose, "priority": priority, "limits": limits, "report_paths": report_paths, "allow_hosts": allow_hosts, "warm": warm, "interactive": interactive, "idempotency_key": idempotency_key})  # type: ignore[no-any-return]

    def rerun(
        self,
        *,
        run: str,
        name: Optional[str] = None,
        seed: Optional[int] = None,
        allow_changed_profile: Optional[bool] = None,
        idempotency_key: Optional[str] = None,
    ) -> RunRerun:
        """Queues a run again as it was: same code snapshot, command, datasets, environment, profile,
        params, seed and limits. All that may be refused at a submission may be refused here."""
        return self._call("run.rerun", {"run": run, "name": name, "seed": seed, "allow_changed_profile": allow_changed_profile, "idempotency_key": idempotency_key})  # type: ignore[no-any-return]

    def diff(
        self,
        *,
        run: str,
        other: str,
        lines: Optional[bool] = None,
    ) -> RunDiff:
        """Two runs side by side: what was asked, code, machine, metrics, outputs (by digest)."""
        return self._call("run.diff", {"run": run, "other": other, "lines": lines})  # type: ignore[no-any-return]

    def get(
        self,
        *,
        run: str,
    ) -> RunGet:
        """All that is known of a run."""
        return self._call("run.get", {"run": run})  # type: ignore[no-any-return]

    def list(
        self,
        *,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
        filter: Optional[str] = None,
        order_by: Optional[str] = None,
        state: Optional[Literal['queued', 'starting', 'running', 'finished']] = None,
        order: Optional[Literal['newest', 'oldest']] = None,
    ) -> RunList:
        """Runs, the newest first unless asked otherwise, in short."""
        return self._call("run.list", {"limit": limit, "cursor": cursor, "filter": filter, "order_by": order_by, "state": state, "order": order})  # type: ignore[no-any-return]

    def cancel(
        self,
        *,
        run: str,
        reason: Optional[str] = None,
    ) -> RunCancel:
        """Asks for a run to be stopped: one's own, or as a curator or an admin of its project or of the
        lab."""
        return self._call("run.cancel", {"run": run, "reason": reason})  # type: ignore[no-any-return]

    def wait(
        self,
        *,
        run: str,
        timeout_ms: Optional[int] = None,
    ) -> RunWait:
        """Answers when the run has ended, or after the time given."""
        return self._call("run.wait", {"run": run, "timeout_ms": timeout_ms})  # type: ignore[no-any-return]

    def logs(
        self,
        *,
        run: str,
        from_: Optional[int] = None,
        limit_bytes: Optional[int] = None,
    ) -> RunLogs:
        """What a run wrote, from a place on."""
        return self._call("run.logs", {"run": run, "from": from_, "limit_bytes": limit_bytes})  # type: ignore[no-any-return]

    def metrics(
        self,
        *,
        run: str,
        name: Optional[str] = None,
        from_: Optional[int] = None,
        limit: Optional[int] = None,
    ) -> RunMetrics:
        """Latest values of a run's metrics, or all points of one."""
        return self._call("run.metrics", {"run": run, "name": name, "from": from_, "limit": limit})  # type: ignore[no-any-return]

    def connections(
        self,
        *,
        run: str,
        from_: Optional[int] = None,
        limit: Optional[int] = None,
    ) -> RunConnections:
        """What a run whose network is proxy asked the lab to dial, in that order, and what came of it."""
        return self._call("run.connections", {"run": run, "from": from_, "limit": limit})  # type: ignore[no-any-return]

    def outputs(
        self,
        *,
        run: str,
        from_: Optional[int] = None,
        limit: Optional[int] = None,
    ) -> RunOutputs:
        """What a run left in /outputs, with digests."""
        return self._call("run.outputs", {"run": run, "from": from_, "limit": limit})  # type: ignore[no-any-return]

    def watch(
        self,
        *,
        run: str,
        from_: Optional[int] = None,
    ) -> RunWatch:
        """Subscribes to a run: run.event notifications with what it writes, its states, and its end."""
        return self._call("run.watch", {"run": run, "from": from_})  # type: ignore[no-any-return]

    def attach(
        self,
        *,
        run: str,
        rows: int,
        cols: int,
    ) -> RunAttach:
        """Joins the terminal of a shell that you started. Whoever had it before loses it."""
        return self._call("run.attach", {"run": run, "rows": rows, "cols": cols})  # type: ignore[no-any-return]

    def connect(
        self,
        *,
        run: str,
        port: int,
    ) -> RunConnect:
        """Connects to a port of the own loopback network of a notebook that you started."""
        return self._call("run.connect", {"run": run, "port": port})  # type: ignore[no-any-return]


class TokenMethods:
    """token.*"""

    def __init__(self, call: Callable[[str, Dict[str, Any]], Any]) -> None:
        self._call = call

    def create(
        self,
        *,
        service: str,
        title: Optional[str] = None,
        roles: Optional[List[Literal['scientist', 'custodian', 'reviewer', 'curator', 'platform', 'auditor', 'admin']]] = None,
        project: Optional[str] = None,
        days: Optional[int] = None,
        idempotency_key: Optional[str] = None,
    ) -> TokenCreate:
        """Makes a token of a service account. It is shown once, here: the lab keeps its SHA-256 only."""
        return self._call("token.create", {"service": service, "title": title, "roles": roles, "project": project, "days": days, "idempotency_key": idempotency_key})  # type: ignore[no-any-return]

    def list(
        self,
        *,
        service: Optional[str] = None,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> TokenList:
        """Tokens, without what they are."""
        return self._call("token.list", {"service": service, "limit": limit, "cursor": cursor})  # type: ignore[no-any-return]

    def revoke(
        self,
        *,
        token: str,
    ) -> TokenRevoke:
        """Ends a token: its open connections may do nothing any more."""
        return self._call("token.revoke", {"token": token})  # type: ignore[no-any-return]


class UserMethods:
    """user.*"""

    def __init__(self, call: Callable[[str, Dict[str, Any]], Any]) -> None:
        self._call = call

    def whoami(
        self,
    ) -> UserWhoami:
        """Who this connection is for the lab, and what it may do."""
        return self._call("user.whoami", {})  # type: ignore[no-any-return]

    def list(
        self,
        *,
        project: Optional[str] = None,
        role: Optional[Literal['scientist', 'custodian', 'reviewer', 'curator', 'platform', 'auditor', 'admin']] = None,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> UserList:
        """The accounts that came or were granted a role, and what they hold."""
        return self._call("user.list", {"project": project, "role": role, "limit": limit, "cursor": cursor})  # type: ignore[no-any-return]

    def grant(
        self,
        *,
        role: Literal['scientist', 'custodian', 'reviewer', 'curator', 'platform', 'auditor', 'admin'],
        user: Optional[str] = None,
        group: Optional[str] = None,
        service: Optional[str] = None,
        project: Optional[str] = None,
    ) -> UserGrant:
        """Grants a role to an account of this machine, a group, or a service account, which it makes. An
        admin grants any; an admin of a project any there but admin; a curator scientist in a project, to
        others. What is held already changes nothing."""
        return self._call("user.grant", {"role": role, "user": user, "group": group, "service": service, "project": project})  # type: ignore[no-any-return]

    def revoke(
        self,
        *,
        role: Literal['scientist', 'custodian', 'reviewer', 'curator', 'platform', 'auditor', 'admin'],
        user: Optional[str] = None,
        group: Optional[str] = None,
        service: Optional[str] = None,
        account: Optional[int] = None,
        project: Optional[str] = None,
    ) -> UserRevoke:
        """Takes a role back; connections that are open feel it at their next call. Not the last admin's."""
        return self._call("user.revoke", {"role": role, "user": user, "group": group, "service": service, "account": account, "project": project})  # type: ignore[no-any-return]

    def authenticate(
        self,
        *,
        token: str,
    ) -> UserAuthenticate:
        """Makes this connection that of the service account whose token it is, and nothing else from then
        on. Wait for the answer before the next call."""
        return self._call("user.authenticate", {"token": token})  # type: ignore[no-any-return]


class Methods:
    """All nouns, as attributes of a client."""

    def __init__(self, call: Callable[[str, Dict[str, Any]], Any]) -> None:
        self.audit = AuditMethods(call)
        self.blob = BlobMethods(call)
        self.catalog = CatalogMethods(call)
        self.dataset = DatasetMethods(call)
        self.env = EnvMethods(call)
        self.experiment = ExperimentMethods(call)
        self.form = FormMethods(call)
        self.hold = HoldMethods(call)
        self.lab = LabMethods(call)
        self.lesson = LessonMethods(call)
        self.lineage = LineageMethods(call)
        self.profile = ProfileMethods(call)
        self.project = ProjectMethods(call)
        self.report = ReportMethods(call)
        self.rpc = RpcMethods(call)
        self.run = RunMethods(call)
        self.token = TokenMethods(call)
        self.user = UserMethods(call)


class AsyncAuditMethods:
    """audit.*"""

    def __init__(self, call: Callable[[str, Dict[str, Any]], Awaitable[Any]]) -> None:
        self._call = call

    async def list(
        self,
        *,
        actor: Optional[str] = None,
        action: Optional[str] = None,
        subject: Optional[str] = None,
        from_us: Optional[int] = None,
        to_us: Optional[int] = None,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
        filter: Optional[str] = None,
        order_by: Optional[str] = None,
    ) -> AuditList:
        """Entries of the audit log, the newest first."""
        return await self._call("audit.list", {"actor": actor, "action": action, "subject": subject, "from_us": from_us, "to_us": to_us, "limit": limit, "cursor": cursor, "filter": filter, "order_by": order_by})  # type: ignore[no-any-return]

    async def export(
        self,
        *,
        from_: Optional[int] = None,
        limit: Optional[int] = None,
    ) -> AuditExport:
        """Entries in the order of the chain, each the text that was hashed with its hash as last member:
        whoever takes ,"hash":"..." away can check the rest against it."""
        return await self._call("audit.export", {"from": from_, "limit": limit})  # type: ignore[no-any-return]

    async def verify(
        self,
    ) -> AuditVerify:
        """Walks the chain of the audit log from its first entry."""
        return await self._call("audit.verify", {})  # type: ignore[no-any-return]


class AsyncBlobMethods:
    """blob.*"""

    def __init__(self, call: Callable[[str, Dict[str, Any]], Awaitable[Any]]) -> None:
        self._call = call

    async def missing(
        self,
        *,
        sha256: List[str],
    ) -> BlobMissing:
        """Which of these objects this account has not given, or the lab does not have any more."""
        return await self._call("blob.missing", {"sha256": sha256})  # type: ignore[no-any-return]

    async def put(
        self,
        *,
        sha256: str,
        size_bytes: int,
    ) -> BlobPut:
        """Stores a file whose descriptor comes with the request (SCM_RIGHTS, with its first byte)."""
        return await self._call("blob.put", {"sha256": sha256, "size_bytes": size_bytes})  # type: ignore[no-any-return]

    async def put_chunk(
        self,
        *,
        sha256: str,
        total_bytes: int,
        offset: int,
        data_base64: str,
    ) -> BlobPutChunk:
        """Stores an object piece by piece; an empty piece asks how far it is."""
        return await self._call("blob.put_chunk", {"sha256": sha256, "total_bytes": total_bytes, "offset": offset, "data_base64": data_base64})  # type: ignore[no-any-return]


class AsyncCatalogMethods:
    """catalog.*"""

    def __init__(self, call: Callable[[str, Dict[str, Any]], Awaitable[Any]]) -> None:
        self._call = call

    async def changes(
        self,
        *,
        cursor: Optional[str] = None,
        limit: Optional[int] = None,
        wait_ms: Optional[int] = None,
    ) -> CatalogChanges:
        """What changed in the catalog, in order, from a cursor on: a mirror is made from it. Without a
        cursor from the beginning. Of an object that comes several times in a page, the last change carries
        it."""
        return await self._call("catalog.changes", {"cursor": cursor, "limit": limit, "wait_ms": wait_ms})  # type: ignore[no-any-return]

    async def search(
        self,
        *,
        text: str,
        noun: Optional[Literal['run', 'dataset', 'env', 'project', 'experiment', 'lesson']] = None,
        limit: Optional[int] = None,
    ) -> CatalogSearch:
        """What has all these words, the best first: in names, titles, descriptions, params, tags, commands.
        Case and accents do not count; a word is found by its beginning, "words in quotes" as they are."""
        return await self._call("catalog.search", {"text": text, "noun": noun, "limit": limit})  # type: ignore[no-any-return]

    async def reindex(
        self,
    ) -> CatalogReindex:
        """Makes the search index anew from the catalog; says whether it was damaged. The lab writes nothing
        else meanwhile: 30 s for a million runs."""
        return await self._call("catalog.reindex", {})  # type: ignore[no-any-return]


class AsyncDatasetMethods:
    """dataset.*"""

    def __init__(self, call: Callable[[str, Dict[str, Any]], Awaitable[Any]]) -> None:
        self._call = call

    async def add(
        self,
        *,
        name: str,
        classification: Literal['public', 'interne', 'confidentiel', 'tres_confidentiel'],
        manifest: str,
        title: Optional[str] = None,
        description: Optional[str] = None,
        idempotency_key: Optional[str] = None,
    ) -> DatasetAdd:
        """Registers a version of a dataset, as a draft. The same again, while that draft is the latest
        version and not sealed, gives the same draft. Whoever adds a new dataset keeps it; only they add
        versions."""
        return await self._call("dataset.add", {"name": name, "classification": classification, "manifest": manifest, "title": title, "description": description, "idempotency_key": idempotency_key})  # type: ignore[no-any-return]

    async def seal(
        self,
        *,
        name: str,
        version: int,
    ) -> DatasetSeal:
        """Checks every file of a draft and closes it: from then on runs may use it. When files are missing
        or damaged the draft stays: send what blob.missing names, then again."""
        return await self._call("dataset.seal", {"name": name, "version": version})  # type: ignore[no-any-return]

    async def verify(
        self,
        *,
        name: str,
        version: Optional[int] = None,
    ) -> DatasetVerify:
        """Reads every file of a version again, whatever is remembered of it. What is not what was sealed is
        put in quarantine. An auditor may ask it of any dataset."""
        return await self._call("dataset.verify", {"name": name, "version": version})  # type: ignore[no-any-return]

    async def progress(
        self,
        *,
        name: str,
        version: int,
    ) -> DatasetProgress:
        """How far dataset.seal, verify or unquarantine of a version is, while it is under way."""
        return await self._call("dataset.progress", {"name": name, "version": version})  # type: ignore[no-any-return]

    async def unquarantine(
        self,
        *,
        name: str,
        version: int,
        reason: str,
    ) -> DatasetUnquarantine:
        """Lets a version out of quarantine, after every file was read again and was right."""
        return await self._call("dataset.unquarantine", {"name": name, "version": version, "reason": reason})  # type: ignore[no-any-return]

    async def get(
        self,
        *,
        name: str,
        version: Optional[int] = None,
    ) -> DatasetGet:
        """A dataset version."""
        return await self._call("dataset.get", {"name": name, "version": version})  # type: ignore[no-any-return]

    async def list(
        self,
        *,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
        filter: Optional[str] = None,
        order_by: Optional[str] = None,
    ) -> DatasetList:
        """All dataset versions by name."""
        return await self._call("dataset.list", {"limit": limit, "cursor": cursor, "filter": filter, "order_by": order_by})  # type: ignore[no-any-return]

    async def files(
        self,
        *,
        name: str,
        version: Optional[int] = None,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> DatasetFiles:
        """The files of a version: names, sizes and digests, never their content."""
        return await self._call("dataset.files", {"name": name, "version": version, "limit": limit, "cursor": cursor})  # type: ignore[no-any-return]

    async def diff(
        self,
        *,
        a: str,
        b: str,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> DatasetDiff:
        """Which files differ from version a to version b. A file whose content stood under another name in
        a is told as moved. The summary counts all of them on each page."""
        return await self._call("dataset.diff", {"a": a, "b": b, "limit": limit, "cursor": cursor})  # type: ignore[no-any-return]

    async def describe(
        self,
        *,
        name: str,
        set: Dict[str, Any],
        version: Optional[int] = None,
        reason: Optional[str] = None,
    ) -> DatasetDescribe:
        """Changes the card of a dataset (all versions), or makes it. Every version of a card is kept."""
        return await self._call("dataset.describe", {"name": name, "set": set, "version": version, "reason": reason})  # type: ignore[no-any-return]

    async def card(
        self,
        *,
        name: str,
        version: Optional[int] = None,
    ) -> DatasetCard:
        """The card of a dataset."""
        return await self._call("dataset.card", {"name": name, "version": version})  # type: ignore[no-any-return]

    async def history(
        self,
        *,
        name: str,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> DatasetHistory:
        """Versions of a dataset's card, the newest first: who changed what, when and why."""
        return await self._call("dataset.history", {"name": name, "limit": limit, "cursor": cursor})  # type: ignore[no-any-return]

    async def grant(
        self,
        *,
        name: str,
        project: str,
        expires_us: int,
        purpose: Optional[Literal['experimentation', 'research', 'statistics', 'service_improvement', 'training', 'quality']] = None,
        reason: Optional[str] = None,
        idempotency_key: Optional[str] = None,
    ) -> DatasetGrant:
        """Lets a project use a dataset for a purpose, until a moment. Granting it again with another expiry
        replaces the grant."""
        return await self._call("dataset.grant", {"name": name, "project": project, "expires_us": expires_us, "purpose": purpose, "reason": reason, "idempotency_key": idempotency_key})  # type: ignore[no-any-return]

    async def revoke(
        self,
        *,
        grant: int,
        reason: Optional[str] = None,
    ) -> DatasetRevoke:
        """Takes a grant back. Runs that go are not ended; queued ones will not start."""
        return await self._call("dataset.revoke", {"grant": grant, "reason": reason})  # type: ignore[no-any-return]

    async def grants(
        self,
        *,
        name: Optional[str] = None,
        project: Optional[str] = None,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> DatasetGrants:
        """Grants of a dataset, of a project, or of both together, the newest first; those that are over
        too."""
        return await self._call("dataset.grants", {"name": name, "project": project, "limit": limit, "cursor": cursor})  # type: ignore[no-any-return]

    async def retire(
        self,
        *,
        name: str,
        version: int,
        reason: str,
    ) -> DatasetRetire:
        """Closes a version to new runs, and to queued ones. Its files stay."""
        return await self._call("dataset.retire", {"name": name, "version": version, "reason": reason})  # type: ignore[no-any-return]

    async def hand_over(
        self,
        *,
        name: str,
        to: str,
        reason: Optional[str] = None,
    ) -> DatasetHandOver:
        """Gives a dataset, all versions and its card, to another custodian."""
        return await self._call("dataset.hand_over", {"name": name, "to": to, "reason": reason})  # type: ignore[no-any-return]

    async def waiting(
        self,
    ) -> DatasetWaiting:
        """What waits for the caller as keeper of datasets: versions in quarantine, assessments and
        retention days that are over or end within 30 days."""
        return await self._call("dataset.waiting", {})  # type: ignore[no-any-return]

    async def quality(
        self,
        *,
        name: str,
        version: Optional[int] = None,
        small_count: Optional[int] = None,
        delimiter: Optional[Literal[',', ';', 'tab', '|', ':', '^', '~']] = None,
        header: Optional[bool] = None,
        idempotency_key: Optional[str] = None,
    ) -> DatasetQuality:
        """Profiles a sealed version, by a run under the profile inspect whose root holds nothing but the
        profiler: types, missing values, distributions, duplicates, faults of form and encoding, identifiers
        of persons, groups of quasi-identifiers. No value of an identifier is ever reported."""
        return await self._call("dataset.quality", {"name": name, "version": version, "small_count": small_count, "delimiter": delimiter, "header": header, "idempotency_key": idempotency_key})  # type: ignore[no-any-return]

    async def quality_get(
        self,
        *,
        name: str,
        version: Optional[int] = None,
        against: Optional[int] = None,
    ) -> DatasetQualityGet:
        """The last profile of a version, and what changed since the version before it that has one."""
        return await self._call("dataset.quality_get", {"name": name, "version": version, "against": against})  # type: ignore[no-any-return]


class AsyncEnvMethods:
    """env.*"""

    def __init__(self, call: Callable[[str, Dict[str, Any]], Awaitable[Any]]) -> None:
        self._call = call

    async def import_(
        self,
        *,
        name: str,
        source: Literal['folder', 'tar', 'oci'],
        manifest: str,
        title: Optional[str] = None,
        source_digest: Optional[str] = None,
        idempotency_key: Optional[str] = None,
    ) -> EnvImport:
        """Makes a version of an environment of a root file system whose files were stored before. Every
        file is checked first; it may be used at once and never changes. The content of the latest version
        again gives that version."""
        return await self._call("env.import", {"name": name, "source": source, "manifest": manifest, "title": title, "source_digest": source_digest, "idempotency_key": idempotency_key})  # type: ignore[no-any-return]

    async def get(
        self,
        *,
        name: str,
        version: Optional[int] = None,
    ) -> EnvGet:
        """An environment version."""
        return await self._call("env.get", {"name": name, "version": version})  # type: ignore[no-any-return]

    async def list(
        self,
        *,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
        filter: Optional[str] = None,
        order_by: Optional[str] = None,
    ) -> EnvList:
        """All environment versions by name."""
        return await self._call("env.list", {"limit": limit, "cursor": cursor, "filter": filter, "order_by": order_by})  # type: ignore[no-any-return]

    async def retire(
        self,
        *,
        name: str,
        version: int,
        reason: Optional[str] = None,
    ) -> EnvRetire:
        """Closes an environment version to new runs. Refused while runs that have not finished use it;
        those that have keep telling which it was."""
        return await self._call("env.retire", {"name": name, "version": version, "reason": reason})  # type: ignore[no-any-return]


class AsyncExperimentMethods:
    """experiment.*"""

    def __init__(self, call: Callable[[str, Dict[str, Any]], Awaitable[Any]]) -> None:
        self._call = call

    async def create(
        self,
        *,
        project: str,
        name: str,
        answers: Dict[str, Any],
        idempotency_key: Optional[str] = None,
    ) -> ExperimentCreate:
        """Makes an experiment in a project: members who are scientists, and curators."""
        return await self._call("experiment.create", {"project": project, "name": name, "answers": answers, "idempotency_key": idempotency_key})  # type: ignore[no-any-return]

    async def get(
        self,
        *,
        project: str,
        name: str,
        version: Optional[int] = None,
    ) -> ExperimentGet:
        """All that is known of an experiment."""
        return await self._call("experiment.get", {"project": project, "name": name, "version": version})  # type: ignore[no-any-return]

    async def list(
        self,
        *,
        project: Optional[str] = None,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
        filter: Optional[str] = None,
        order_by: Optional[str] = None,
    ) -> ExperimentList:
        """Experiments in the order in which they were made."""
        return await self._call("experiment.list", {"project": project, "limit": limit, "cursor": cursor, "filter": filter, "order_by": order_by})  # type: ignore[no-any-return]

    async def edit(
        self,
        *,
        project: str,
        name: str,
        version: int,
        set: Dict[str, Any],
        reason: Optional[str] = None,
    ) -> ExperimentEdit:
        """Changes an experiment, as a new version. After its first run a reason is needed, and the new
        version is shown as made after it."""
        return await self._call("experiment.edit", {"project": project, "name": name, "version": version, "set": set, "reason": reason})  # type: ignore[no-any-return]

    async def history(
        self,
        *,
        project: str,
        name: str,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> ExperimentHistory:
        """Its versions, newest first, with what each one changed."""
        return await self._call("experiment.history", {"project": project, "name": name, "limit": limit, "cursor": cursor})  # type: ignore[no-any-return]


class AsyncFormMethods:
    """form.*"""

    def __init__(self, call: Callable[[str, Dict[str, Any]], Awaitable[Any]]) -> None:
        self._call = call

    async def list(
        self,
    ) -> FormList:
        """The forms: what is asked of each kind of record."""
        return await self._call("form.list", {})  # type: ignore[no-any-return]

    async def get(
        self,
        *,
        form: str,
    ) -> FormGet:
        """A form with its fields, their labels in both languages, types and bounds."""
        return await self._call("form.get", {"form": form})  # type: ignore[no-any-return]


class AsyncHoldMethods:
    """hold.*"""

    def __init__(self, call: Callable[[str, Dict[str, Any]], Awaitable[Any]]) -> None:
        self._call = call

    async def add(
        self,
        *,
        subject: str,
        reason: str,
        noun: Optional[Literal['run', 'dataset', 'environment']] = None,
    ) -> HoldAdd:
        """Keeps the content of a run, a dataset version or an environment, whatever its age, until the hold
        is lifted. The same again by the same account gives the first one."""
        return await self._call("hold.add", {"subject": subject, "reason": reason, "noun": noun})  # type: ignore[no-any-return]

    async def lift(
        self,
        *,
        subject: str,
        reason: str,
        noun: Optional[Literal['run', 'dataset', 'environment']] = None,
    ) -> HoldLift:
        """Ends a hold: by who made it, a curator or an admin."""
        return await self._call("hold.lift", {"subject": subject, "reason": reason, "noun": noun})  # type: ignore[no-any-return]

    async def list(
        self,
        *,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> HoldList:
        """Holds, by noun."""
        return await self._call("hold.list", {"limit": limit, "cursor": cursor})  # type: ignore[no-any-return]


class AsyncLabMethods:
    """lab.*"""

    def __init__(self, call: Callable[[str, Dict[str, Any]], Awaitable[Any]]) -> None:
        self._call = call

    async def ping(
        self,
    ) -> LabPing:
        """Answers at once."""
        return await self._call("lab.ping", {})  # type: ignore[no-any-return]

    async def info(
        self,
    ) -> LabInfo:
        """What this lab is, has and does now, and who you are to it."""
        return await self._call("lab.info", {})  # type: ignore[no-any-return]

    async def doctor(
        self,
    ) -> LabDoctor:
        """Looks for what is wrong or missing on this host and in the lab: dataset versions in quarantine,
        damaged objects."""
        return await self._call("lab.doctor", {})  # type: ignore[no-any-return]

    async def gc(
        self,
        *,
        dry_run: Optional[bool] = None,
        retired_for_ms: Optional[int] = None,
        runs_older_than_ms: Optional[int] = None,
    ) -> LabGc:
        """Removes objects that nothing refers to. Versions that have been retired for long, and runs when
        it is asked for, let their content go first, unless they are on hold; what is told of them stays.
        What was put or asked for in the last day stays. A dry run unless told otherwise."""
        return await self._call("lab.gc", {"dry_run": dry_run, "retired_for_ms": retired_for_ms, "runs_older_than_ms": runs_older_than_ms})  # type: ignore[no-any-return]

    async def backup(
        self,
        *,
        objects: Optional[Literal['included', 'listed']] = None,
    ) -> LabBackup:
        """Writes the lab to the file whose descriptor comes with the request: a copy of the catalog of one
        moment, objects, what runs said. The lab works on meanwhile. `enclosd restore` makes a lab of it."""
        return await self._call("lab.backup", {"objects": objects})  # type: ignore[no-any-return]

    async def doctor_deep(
        self,
    ) -> LabDoctorDeep:
        """Reads the whole lab: every page of the catalog, the audit log, every object against its name,
        every reference, every tree. At the lowest priority; lab.doing says how far it is."""
        return await self._call("lab.doctor_deep", {})  # type: ignore[no-any-return]

    async def doing(
        self,
    ) -> LabDoing:
        """How far a long work of the lab is: a collection, a backup, a deep check."""
        return await self._call("lab.doing", {})  # type: ignore[no-any-return]


class AsyncLessonMethods:
    """lesson.*"""

    def __init__(self, call: Callable[[str, Dict[str, Any]], Awaitable[Any]]) -> None:
        self._call = call

    async def add(
        self,
        *,
        project: str,
        answers: Dict[str, Any],
        idempotency_key: Optional[str] = None,
    ) -> LessonAdd:
        """Writes a lesson learned in a project: members who are scientists, and curators. It may name
        experiments, and runs that its writer sees."""
        return await self._call("lesson.add", {"project": project, "answers": answers, "idempotency_key": idempotency_key})  # type: ignore[no-any-return]

    async def get(
        self,
        *,
        lesson: str,
        version: Optional[int] = None,
    ) -> LessonGet:
        """All that is known of a lesson."""
        return await self._call("lesson.get", {"lesson": lesson, "version": version})  # type: ignore[no-any-return]

    async def list(
        self,
        *,
        project: Optional[str] = None,
        experiment: Optional[str] = None,
        run: Optional[str] = None,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
        filter: Optional[str] = None,
        order_by: Optional[str] = None,
    ) -> LessonList:
        """Lessons, newest first."""
        return await self._call("lesson.list", {"project": project, "experiment": experiment, "run": run, "limit": limit, "cursor": cursor, "filter": filter, "order_by": order_by})  # type: ignore[no-any-return]

    async def edit(
        self,
        *,
        lesson: str,
        version: int,
        set: Dict[str, Any],
        reason: Optional[str] = None,
    ) -> LessonEdit:
        """Changes a lesson, as a new version."""
        return await self._call("lesson.edit", {"lesson": lesson, "version": version, "set": set, "reason": reason})  # type: ignore[no-any-return]

    async def history(
        self,
        *,
        lesson: str,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> LessonHistory:
        """Its versions, newest first, with what each one changed."""
        return await self._call("lesson.history", {"lesson": lesson, "limit": limit, "cursor": cursor})  # type: ignore[no-any-return]


class AsyncLineageMethods:
    """lineage.*"""

    def __init__(self, call: Callable[[str, Dict[str, Any]], Awaitable[Any]]) -> None:
        self._call = call

    async def get(
        self,
        *,
        run: Optional[str] = None,
        path: Optional[str] = None,
        sha256: Optional[str] = None,
        dataset: Optional[str] = None,
        direction: Optional[Literal['both', 'before', 'after']] = None,
        depth: Optional[int] = None,
        limit: Optional[int] = None,
    ) -> LineageGet:
        """What a run, an artifact or a dataset version comes from, and what it led to."""
        return await self._call("lineage.get", {"run": run, "path": path, "sha256": sha256, "dataset": dataset, "direction": direction, "depth": depth, "limit": limit})  # type: ignore[no-any-return]


class AsyncProfileMethods:
    """profile.*"""

    def __init__(self, call: Callable[[str, Dict[str, Any]], Awaitable[Any]]) -> None:
        self._call = call

    async def list(
        self,
    ) -> ProfileList:
        """The sandbox profiles, the invalid ones with what is wrong."""
        return await self._call("profile.list", {})  # type: ignore[no-any-return]

    async def get(
        self,
        *,
        name: str,
        effective: Optional[bool] = None,
    ) -> ProfileGet:
        """One sandbox profile."""
        return await self._call("profile.get", {"name": name, "effective": effective})  # type: ignore[no-any-return]

    async def diff(
        self,
        *,
        a: str,
        b: str,
    ) -> ProfileDiff:
        """What each of two profiles allows that the other refuses."""
        return await self._call("profile.diff", {"a": a, "b": b})  # type: ignore[no-any-return]

    async def check(
        self,
        *,
        name: str,
        text: str,
    ) -> ProfileCheck:
        """Says whether a text is a valid profile of this lab; nothing is kept."""
        return await self._call("profile.check", {"name": name, "text": text})  # type: ignore[no-any-return]


class AsyncProjectMethods:
    """project.*"""

    def __init__(self, call: Callable[[str, Dict[str, Any]], Awaitable[Any]]) -> None:
        self._call = call

    async def create(
        self,
        *,
        code: str,
        answers: Dict[str, Any],
        idempotency_key: Optional[str] = None,
    ) -> ProjectCreate:
        """Makes a project, at the stage opportunity, and tells which others are possibly similar."""
        return await self._call("project.create", {"code": code, "answers": answers, "idempotency_key": idempotency_key})  # type: ignore[no-any-return]

    async def get(
        self,
        *,
        code: str,
        version: Optional[int] = None,
    ) -> ProjectGet:
        """All that is known of a project."""
        return await self._call("project.get", {"code": code, "version": version})  # type: ignore[no-any-return]

    async def list(
        self,
        *,
        stage: Optional[Literal['opportunity', 'assessed', 'experimenting', 'pilot', 'published', 'stopped']] = None,
        organisation: Optional[str] = None,
        family: Optional[Literal['analysis_prediction', 'automation', 'interaction', 'environment']] = None,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
        filter: Optional[str] = None,
        order_by: Optional[str] = None,
    ) -> ProjectList:
        """Projects by code."""
        return await self._call("project.list", {"stage": stage, "organisation": organisation, "family": family, "limit": limit, "cursor": cursor, "filter": filter, "order_by": order_by})  # type: ignore[no-any-return]

    async def edit(
        self,
        *,
        code: str,
        version: int,
        set: Dict[str, Any],
        reason: Optional[str] = None,
    ) -> ProjectEdit:
        """Changes what is told of a project, as a new version, and tells which others are possibly
        similar."""
        return await self._call("project.edit", {"code": code, "version": version, "set": set, "reason": reason})  # type: ignore[no-any-return]

    async def advance(
        self,
        *,
        code: str,
        to: Literal['assessed', 'experimenting', 'pilot', 'published', 'stopped'],
        reason: str,
    ) -> ProjectAdvance:
        """Passes a project to its next stage, or stops it, with the reason. Its record must be complete,
        but to stop."""
        return await self._call("project.advance", {"code": code, "to": to, "reason": reason})  # type: ignore[no-any-return]

    async def history(
        self,
        *,
        code: str,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> ProjectHistory:
        """Its versions, newest first, with what each one changed."""
        return await self._call("project.history", {"code": code, "limit": limit, "cursor": cursor})  # type: ignore[no-any-return]

    async def similar(
        self,
        *,
        code: str,
    ) -> ProjectSimilar:
        """Projects that are possibly similar, the most alike first: near-same titles and summaries, or
        alike in those, in data and in family. Texts are compared in the same language."""
        return await self._call("project.similar", {"code": code})  # type: ignore[no-any-return]


class AsyncReportMethods:
    """report.*"""

    def __init__(self, call: Callable[[str, Dict[str, Any]], Awaitable[Any]]) -> None:
        self._call = call

    async def get(
        self,
        *,
        kind: Literal['portfolio', 'accountability', 'data-access', 'environment'],
        from_us: Optional[int] = None,
        to_us: Optional[int] = None,
        region: Optional[Literal['QC', 'ON', 'MB', 'BC', 'NB', 'NS', 'NL', 'SK', 'AB', 'CA']] = None,
    ) -> ReportGet:
        """What was tried, for whom, on which data, at what cost and with which outcome, over a period.
        Energy and carbon are estimated: the method says how."""
        return await self._call("report.get", {"kind": kind, "from_us": from_us, "to_us": to_us, "region": region})  # type: ignore[no-any-return]


class AsyncRpcMethods:
    """rpc.*"""

    def __init__(self, call: Callable[[str, Dict[str, Any]], Awaitable[Any]]) -> None:
        self._call = call

    async def discover(
        self,
    ) -> RpcDiscover:
        """This document: every method, its params, result and errors (OpenRPC)."""
        return await self._call("rpc.discover", {})  # type: ignore[no-any-return]

    async def unsubscribe(
        self,
        *,
        subscription: int,
    ) -> RpcUnsubscribe:
        """Ends a subscription of this connection."""
        return await self._call("rpc.unsubscribe", {"subscription": subscription})  # type: ignore[no-any-return]


class AsyncRunMethods:
    """run.*"""

    def __init__(self, call: Callable[[str, Dict[str, Any]], Awaitable[Any]]) -> None:
        self._call = call

    async def submit(
        self,
        *,
        command: List[str],
        name: Optional[str] = None,
        code: Optional[str] = None,
        profile: Optional[str] = None,
        datasets: Optional[List[str]] = None,
        environment: Optional[str] = None,
        resources: Optional[RunSubmitParamsResources] = None,
        env: Optional[Dict[str, str]] = None,
        params: Optional[Dict[str, Union[str, float, bool]]] = None,
        seed: Optional[int] = None,
        git: Optional[RunSubmitParamsGit] = None,
        parent: Optional[str] = None,
        tags: Optional[Dict[str, Union[str, float, bool]]] = None,
        project: Optional[str] = None,
        experiment: Optional[str] = None,
        purpose: Optional[Literal['experimentation', 'research', 'statistics', 'service_improvement', 'training', 'quality']] = None,
        priority: Optional[int] = None,
        limits: Optional[Literal['enforced', 'best_effort']] = None,
        report_paths: Optional[bool] = None,
        allow_hosts: Optional[List[str]] = None,
        warm: Optional[bool] = None,
        interactive: Optional[RunSubmitParamsInteractive] = None,
        idempotency_key: Optional[str] = None,
    ) -> RunSubmit:
        """Queues a run; answers once that is on disk."""
        return await self._call("run.submit", {"command": command, "name": name, "code": code, "profile": profile, "datasets": datasets, "environment": environment, "resources": resources, "env": env, "params": params, "seed": seed, "git": git, "parent": parent, "tags": tags, "project": project, "experiment": experiment, "purpose": purpose, "priority": priority, "limits": limits, "report_paths": report_paths, "allow_hosts": allow_hosts, "warm": warm, "interactive": interactive, "idempotency_key": idempotency_key})  # type: ignore[no-any-return]

    async def rerun(
        self,
        *,
        run: str,
        name: Optional[str] = None,
        seed: Optional[int] = None,
        allow_changed_profile: Optional[bool] = None,
        idempotency_key: Optional[str] = None,
    ) -> RunRerun:
        """Queues a run again as it was: same code snapshot, command, datasets, environment, profile,
        params, seed and limits. All that may be refused at a submission may be refused here."""
        return await self._call("run.rerun", {"run": run, "name": name, "seed": seed, "allow_changed_profile": allow_changed_profile, "idempotency_key": idempotency_key})  # type: ignore[no-any-return]

    async def diff(
        self,
        *,
        run: str,
        other: str,
        lines: Optional[bool] = None,
    ) -> RunDiff:
        """Two runs side by side: what was asked, code, machine, metrics, outputs (by digest)."""
        return await self._call("run.diff", {"run": run, "other": other, "lines": lines})  # type: ignore[no-any-return]

    async def get(
        self,
        *,
        run: str,
    ) -> RunGet:
        """All that is known of a run."""
        return await self._call("run.get", {"run": run})  # type: ignore[no-any-return]

    async def list(
        self,
        *,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
        filter: Optional[str] = None,
        order_by: Optional[str] = None,
        state: Optional[Literal['queued', 'starting', 'running', 'finished']] = None,
        order: Optional[Literal['newest', 'oldest']] = None,
    ) -> RunList:
        """Runs, the newest first unless asked otherwise, in short."""
        return await self._call("run.list", {"limit": limit, "cursor": cursor, "filter": filter, "order_by": order_by, "state": state, "order": order})  # type: ignore[no-any-return]

    async def cancel(
        self,
        *,
        run: str,
        reason: Optional[str] = None,
    ) -> RunCancel:
        """Asks for a run to be stopped: one's own, or as a curator or an admin of its project or of the
        lab."""
        return await self._call("run.cancel", {"run": run, "reason": reason})  # type: ignore[no-any-return]

    async def wait(
        self,
        *,
        run: str,
        timeout_ms: Optional[int] = None,
    ) -> RunWait:
        """Answers when the run has ended, or after the time given."""
        return await self._call("run.wait", {"run": run, "timeout_ms": timeout_ms})  # type: ignore[no-any-return]

    async def logs(
        self,
        *,
        run: str,
        from_: Optional[int] = None,
        limit_bytes: Optional[int] = None,
    ) -> RunLogs:
        """What a run wrote, from a place on."""
        return await self._call("run.logs", {"run": run, "from": from_, "limit_bytes": limit_bytes})  # type: ignore[no-any-return]

    async def metrics(
        self,
        *,
        run: str,
        name: Optional[str] = None,
        from_: Optional[int] = None,
        limit: Optional[int] = None,
    ) -> RunMetrics:
        """Latest values of a run's metrics, or all points of one."""
        return await self._call("run.metrics", {"run": run, "name": name, "from": from_, "limit": limit})  # type: ignore[no-any-return]

    async def connections(
        self,
        *,
        run: str,
        from_: Optional[int] = None,
        limit: Optional[int] = None,
    ) -> RunConnections:
        """What a run whose network is proxy asked the lab to dial, in that order, and what came of it."""
        return await self._call("run.connections", {"run": run, "from": from_, "limit": limit})  # type: ignore[no-any-return]

    async def outputs(
        self,
        *,
        run: str,
        from_: Optional[int] = None,
        limit: Optional[int] = None,
    ) -> RunOutputs:
        """What a run left in /outputs, with digests."""
        return await self._call("run.outputs", {"run": run, "from": from_, "limit": limit})  # type: ignore[no-any-return]

    async def watch(
        self,
        *,
        run: str,
        from_: Optional[int] = None,
    ) -> RunWatch:
        """Subscribes to a run: run.event notifications with what it writes, its states, and its end."""
        return await self._call("run.watch", {"run": run, "from": from_})  # type: ignore[no-any-return]

    async def attach(
        self,
        *,
        run: str,
        rows: int,
        cols: int,
    ) -> RunAttach:
        """Joins the terminal of a shell that you started. Whoever had it before loses it."""
        return await self._call("run.attach", {"run": run, "rows": rows, "cols": cols})  # type: ignore[no-any-return]

    async def connect(
        self,
        *,
        run: str,
        port: int,
    ) -> RunConnect:
        """Connects to a port of the own loopback network of a notebook that you started."""
        return await self._call("run.connect", {"run": run, "port": port})  # type: ignore[no-any-return]


class AsyncTokenMethods:
    """token.*"""

    def __init__(self, call: Callable[[str, Dict[str, Any]], Awaitable[Any]]) -> None:
        self._call = call

    async def create(
        self,
        *,
        service: str,
        title: Optional[str] = None,
        roles: Optional[List[Literal['scientist', 'custodian', 'reviewer', 'curator', 'platform', 'auditor', 'admin']]] = None,
        project: Optional[str] = None,
        days: Optional[int] = None,
        idempotency_key: Optional[str] = None,
    ) -> TokenCreate:
        """Makes a token of a service account. It is shown once, here: the lab keeps its SHA-256 only."""
        return await self._call("token.create", {"service": service, "title": title, "roles": roles, "project": project, "days": days, "idempotency_key": idempotency_key})  # type: ignore[no-any-return]

    async def list(
        self,
        *,
        service: Optional[str] = None,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> TokenList:
        """Tokens, without what they are."""
        return await self._call("token.list", {"service": service, "limit": limit, "cursor": cursor})  # type: ignore[no-any-return]

    async def revoke(
        self,
        *,
        token: str,
    ) -> TokenRevoke:
        """Ends a token: its open connections may do nothing any more."""
        return await self._call("token.revoke", {"token": token})  # type: ignore[no-any-return]


class AsyncUserMethods:
    """user.*"""

    def __init__(self, call: Callable[[str, Dict[str, Any]], Awaitable[Any]]) -> None:
        self._call = call

    async def whoami(
        self,
    ) -> UserWhoami:
        """Who this connection is for the lab, and what it may do."""
        return await self._call("user.whoami", {})  # type: ignore[no-any-return]

    async def list(
        self,
        *,
        project: Optional[str] = None,
        role: Optional[Literal['scientist', 'custodian', 'reviewer', 'curator', 'platform', 'auditor', 'admin']] = None,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> UserList:
        """The accounts that came or were granted a role, and what they hold."""
        return await self._call("user.list", {"project": project, "role": role, "limit": limit, "cursor": cursor})  # type: ignore[no-any-return]

    async def grant(
        self,
        *,
        role: Literal['scientist', 'custodian', 'reviewer', 'curator', 'platform', 'auditor', 'admin'],
        user: Optional[str] = None,
        group: Optional[str] = None,
        service: Optional[str] = None,
        project: Optional[str] = None,
    ) -> UserGrant:
        """Grants a role to an account of this machine, a group, or a service account, which it makes. An
        admin grants any; an admin of a project any there but admin; a curator scientist in a project, to
        others. What is held already changes nothing."""
        return await self._call("user.grant", {"role": role, "user": user, "group": group, "service": service, "project": project})  # type: ignore[no-any-return]

    async def revoke(
        self,
        *,
        role: Literal['scientist', 'custodian', 'reviewer', 'curator', 'platform', 'auditor', 'admin'],
        user: Optional[str] = None,
        group: Optional[str] = None,
        service: Optional[str] = None,
        account: Optional[int] = None,
        project: Optional[str] = None,
    ) -> UserRevoke:
        """Takes a role back; connections that are open feel it at their next call. Not the last admin's."""
        return await self._call("user.revoke", {"role": role, "user": user, "group": group, "service": service, "account": account, "project": project})  # type: ignore[no-any-return]

    async def authenticate(
        self,
        *,
        token: str,
    ) -> UserAuthenticate:
        """Makes this connection that of the service account whose token it is, and nothing else from then
        on. Wait for the answer before the next call."""
        return await self._call("user.authenticate", {"token": token})  # type: ignore[no-any-return]


class AsyncMethods:
    """All nouns, as attributes of a client."""

    def __init__(self, call: Callable[[str, Dict[str, Any]], Awaitable[Any]]) -> None:
        self.audit = AsyncAuditMethods(call)
        self.blob = AsyncBlobMethods(call)
        self.catalog = AsyncCatalogMethods(call)
        self.dataset = AsyncDatasetMethods(call)
        self.env = AsyncEnvMethods(call)
        self.experiment = AsyncExperimentMethods(call)
        self.form = AsyncFormMethods(call)
        self.hold = AsyncHoldMethods(call)
        self.lab = AsyncLabMethods(call)
        self.lesson = AsyncLessonMethods(call)
        self.lineage = AsyncLineageMethods(call)
        self.profile = AsyncProfileMethods(call)
        self.project = AsyncProjectMethods(call)
        self.report = AsyncReportMethods(call)
        self.rpc = AsyncRpcMethods(call)
        self.run = AsyncRunMethods(call)
        self.token = AsyncTokenMethods(call)
        self.user = AsyncUserMethods(call)
