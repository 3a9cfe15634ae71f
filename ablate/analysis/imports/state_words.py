"""The words of other tools for how a run ended, and the state of ours that each comes to."""

from ablate.study.trial import State

FINISHED: State = "finished"
KILLED: State = "killed"
PRUNED: State = "pruned"
FAILED: State = "failed"
# Words by their letters alone, "OUT_OF_MEMORY" as "outofmemory". A run that somebody or a machine cut short is
# "killed", one that a tuner gave up for its bad start "pruned": neither has its final score, and neither is compared.
WORDS: dict[str, State] = {
    **dict.fromkeys(
        ("finished", "finish", "complete", "completed", "done", "success", "succeeded", "successful", "ok", "okay",
         "passed", "published", "publishing"), FINISHED),
    **dict.fromkeys(("pruned", "trialpruned", "donotadvance"), PRUNED),
    **dict.fromkeys(("diverged", "nan", "inf", "lossnan", "nanloss", "notfinite"), "diverged"),
    **dict.fromkeys(("outofmemory", "oom", "memoryout", "outofme", "oomkilled"), "out_of_memory"),
    **dict.fromkeys(
        ("failed", "fail", "failure", "crashed", "crash", "error", "errored", "exception"),
        FAILED),
    **dict.fromkeys(
        ("killed", "running", "waiting", "scheduled", "preempted", "preempting", "pending", "queued", "created",
         "draft", "inprogress", "active", "paused", "idle", "canceled", "cancelled", "usercanceled", "usercancelled",
         "syscanceled", "syscancelled", "aborted", "interrupted", "timeout", "timedout", "deadline", "capped",
         "revoked", "requeued", "suspended", "resizing", "bootfail", "nodefail", "completing", "configuring",
         "stopping", "stoppingcanceled", "stoppingerror", "stoppingcompleted", "stoppingkilled",
         "metricsunavailable", "starting", "pulling", "unfinished", "incomplete"),
        KILLED),
}  # fmt: skip
# Words that mean different things to different tools or people, known only beside other words of such a tool.
# "Early stopped" is a tuner's doing in Katib and NNI (its median rule ended the run); in a table by hand it may be
# Keras' callback, which ends a run that has converged and leaves a valid score: there it is asked for.
READINGS: dict[str, dict[str, State]] = {
    "Ray Tune": {"terminated": FINISHED},
    "KerasTuner": {"stopped": PRUNED, "invalid": FAILED},
    "Katib": {"earlystopped": PRUNED},
    "NNI": {"earlystopped": PRUNED},
    "SageMaker": {"stopped": PRUNED},
    "ClearML": {"stopped": KILLED, "closed": KILLED},
    "SMAC": {"abort": KILLED, "stop": KILLED},
    "Determined": {"stopped": KILLED},
    "SLURM": {"stopped": KILLED},
    "Neptune": {"false": FINISHED, "true": FAILED},  # its column "sys/failed"
}
_VOCABULARIES = {
    "Ray Tune": "pending running terminated error errored paused",
    "KerasTuner": "running idle invalid stopped completed failed",
    "Katib": "created pending running succeeded killed failed earlystopped metricsunavailable",
    "NNI": "waiting running succeeded failed usercanceled syscanceled earlystopped",
    "SageMaker": "completed inprogress failed stopped stopping",
    "ClearML": "created queued inprogress stopped published publishing closed failed completed aborted",
    "SMAC": "running success crashed timeout memoryout capped abort stop donotadvance",
    "Determined": "active paused completed canceled error errored stopped",
    "SLURM": "completed failed cancelled timeout outofmemory nodefail preempted running pending stopped",
}
VOCABULARIES = {tool: frozenset(words.split()) for tool, words in _VOCABULARIES.items()}
