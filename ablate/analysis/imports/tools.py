"""Describe the exports of other tools: which of their columns are parameters, results or bookkeeping."""

from dataclasses import dataclass

NOTHING = "(?!)"  # a pattern that fits no name


@dataclass(frozen=True, slots=True)
class Tool:
    """One kind of export. Patterns fit a column's whole name."""

    name: str
    signs: str  # columns that hardly any other table has
    weak_signs: str = NOTHING  # columns that count as signs only beside others
    n_signs: int = 2  # number of different signs required, at least one of them strong
    factors: str = NOTHING  # parameters; a group `name` is the parameter's own name
    results: str = NOTHING
    attributes: str = NOTHING  # left out, but may hold the seed; a group `name` likewise
    bookkeeping: str = NOTHING
    state: str = NOTHING
    run_id: str = NOTHING
    score: str = NOTHING  # the column of the objective
    progress: str = NOTHING  # progress of a run
    budget: str = NOTHING  # how long the tool let a run train: bookkeeping, but a difference all the same
    maximizes: bool | None = None  # whether a higher `score` is better; None if the export does not say


TOOLS = (
    Tool(
        "Optuna",
        signs=(
            "datetime_(start|complete)|(user|system)_attrs_.+|params_(?!(total|count|trainable|non_|m|k|mil).*).+|"
            "intermediate_values(_.+)?"
        ), weak_signs="number|values?(_.+)?|duration|state", factors="params_(?P<name>.+)",
        attributes="(user|system)_attrs_(?P<name>.+)",
        bookkeeping="number|trial|datetime_(start|complete)|duration|intermediate_values(_.+)?",
        results="values?(_.+)?", state="state", score="value",
    ),
    Tool(
        "MLflow", signs=r"(params|metrics|tags)\..+|artifact_uri|experiment_id",
        weak_signs="run_id|status|(start|end)_time", factors=r"params\.(?P<name>.+)", results=r"metrics\..+",
        attributes=r"tags\.(?P<name>.+)",
        bookkeeping="run_id|run_name|experiment_id|artifact_uri|start_time|end_time|user_id|lifecycle_stage",
        state="status", run_id="run_id",
    ),
    Tool(
        "MLflow's page", signs="Run ID|Source Type|Source Name|Start Time",
        weak_signs="Name|Run Name|User|Status|Duration|Version", n_signs=3, state="Status", run_id="Run ID",
        bookkeeping=(
            r"Start Time|End Time|Duration|Run ID|Name|Run Name|Source|Source Type|Source Name|User|Version|Dataset|"
            r"Datasets|Created|Experiment( ID| Name)?|Models|Registered Models|Logged Models?|mlflow\..+"
        ),
    ),
    Tool(
        "Weights & Biases",
        signs=(
            r"_runtime|_timestamp|_step|_wandb(\..+)?|Sweep|Runtime|Created|Updated|Notes|GitHub|Job Type|GPU Type|"
            r"GPU Count|CPU Count|Python Version|Start Command|Git Commit|Relative Time.*"
        ), weak_signs="Name|State|User|Tags|Group|ID|Hostname|Host|Description|End Time", n_signs=3, state="State",
        progress="epoch|_step",
        bookkeeping=(
            "Name|Notes|User|Tags|Created|Updated|End Time|Runtime|Sweep|Group|Job Type|ID|Hostname|Host|Description|"
            "GitHub|GPU Type|GPU Count|CPU Count|Python Version|OS|Start Command|Git Commit|Commit|Relative Time.*|_.+|"
            "epoch|(trainer/)?global_step|best_epoch|(graph|gradients|system)[_./].+"
        ), results="summary[._].+", factors=r"config\.(?P<name>.+)",
    ),
    Tool(
        "Ray Tune",
        signs=(
            r"config/.+|training_iteration|time_this_iter_s|time_total_s|time_since_restore|iterations_since_restore|"
            r"experiment_tag|node_ip|checkpoint_dir_name|should_checkpoint|timesteps_total|episodes_total|"
            r"total time \(s\)"
        ), weak_signs="trial_id|pid|hostname|done|date|timestamp|logdir|Trial name|loc|iter|status",
        factors="config/(?P<name>.+)", state="status", run_id="trial_id|Trial name", progress="training_iteration|iter",
        bookkeeping=(
            r"training_iteration|time_this_iter_s|time_total_s|time_since_restore|iterations_since_restore|"
            r"experiment_tag|experiment_id|node_ip|checkpoint_dir_name|should_checkpoint|timesteps_total|"
            r"timesteps_since_restore|episodes_total|warmup_time|trial_id|trial_num|pid|hostname|done|date|timestamp|"
            r"logdir|Trial name|loc|iter|ts|total time \(s\)|(perf|sampler_perf|timers|counters|info)/.+"
        ),
    ),
    Tool(
        "KerasTuner", signs=r"hyperparameters\..+|best_step|metrics\.metrics\..+|(.+[./])?tuner/.+|trial_id",
        weak_signs="score|status|message", n_signs=3, factors=r"hyperparameters\.values\.(?P<name>(?!tuner/).+)",
        bookkeeping=(
            r"trial_id|best_step|message|hyperparameters\.space|(.+[./])?tuner/.+|metrics\.metrics\..+\.direction"
        ), results=r"metrics\.metrics\..+|score", state="status", run_id="trial_id", score="score",
        budget="(.+[./])?tuner/epochs",
    ),
    Tool(
        "TensorBoard", signs="hparams?[./].+|Trial ID|Show Metrics|session_group(_name)?",
        weak_signs=r"Session Group Name|epoch_.+|run|.+\.(train|validation)", factors="hparams?[./](?P<name>.+)",
        bookkeeping="Trial ID|Show Metrics|session_group(_name)?|Session Group Name|run", results="metrics[./].+",
    ),
    Tool(
        "Sacred", signs=r"experiment\..+|stop_time|heartbeat|host\..+|captured_out|meta\..+",
        weak_signs=r"config\..+|_id|status|result|start_time|format|command|info\..+|artifacts|resources",
        factors=r"config\.(?P<name>.+)", results=r"result(\..+)?", state="status", run_id="_id", score="result",
        bookkeeping=(
            r"_id|experiment\..+|start_time|stop_time|heartbeat|host\..+|captured_out|meta\..+|format|command|info\..+|"
            r"artifacts|resources|omniboard\..+"
        ),
    ),
    Tool(
        "ClearML",
        signs=(
            r"(?i)hyperparams[./].+|(args|general|kwargs)/.+|last_metrics.*|last_iteration|last_update|script\..+|"
            r"execution\..+"
        ), weak_signs="(?i)type|name|tags|status|project|user|started|updated|iteration|id|created",
        factors="(?i)(?:hyperparams[./])?(?:args|general|kwargs|hparams)[./](?P<name>.+)", results="last_metrics[./].+",
        state="(?i)status", run_id="(?i)id", progress="(?i)iteration|last_iteration",
        bookkeeping=(
            r"(?i)type|name|tags|system_tags|project|user|started|updated|created|completed|iteration|last_iteration|"
            r"last_update|id|task[ _]id|parent|comment|script\..+|execution\..+"
        ),
    ),
    Tool(
        "SMAC", signs="config_id|instance|cpu_time|starttime|endtime|additional_info",
        weak_signs="time|cost|budget|seed|status", n_signs=3,
        bookkeeping="config_id|instance|time|cpu_time|starttime|endtime|additional_info", state="status", score="cost",
        maximizes=False, results="cost",
    ),
    Tool(
        "Determined",
        signs=(
            r"(?i)(hparams|hp|hyperparameters(?!\.(values|space)))\..+|searcher_?metric_?(value|name)?|total_?batches|"
            r"total_?batches_?processed|best_?validation_?metric|num_?completed_?checkpoints"
        ),
        weak_signs=(
            "(?i)state|trial_?id|experiment_?id|restarts|duration|start_?time|end_?time|checkpoint_?(count|size)|user|"
            "progress|trial id|h-params|total batches"
        ), factors=r"(?i)(?:hparams|hyperparameters|hp)\.(?P<name>.+)", state="(?i)state",
        run_id="(?i)trial_?id|trial id",
        bookkeeping=(
            "(?i)trial_?id|experiment_?id|total_?batches(_?processed)?|num_?completed_?checkpoints|restarts|"
            "auto_?restarts|duration|start_?time|end_?time|checkpoint_?(count|size)|user|progress|"
            "searcher_?metric(_?name)?|trial id|total batches|wall_?clock_?time|summary_?metrics_?timestamp|"
            "warm_?start_?checkpoint_?uuid|runner_?state|log_?policy_?matched"
        ), results="(?i)searcher_?metric_?value|best_?validation_?metric",
    ),
    Tool(
        "Katib", signs="trialName", weak_signs="Status|experimentName|startTime|completionTime|KFP run", n_signs=1,
        bookkeeping="trialName|experimentName|startTime|completionTime|KFP run", state="Status", run_id="trialName",
    ),
    Tool(
        "NNI", signs="trialJobId|sequenceId|finalMetricData|parameter_source|parameter_index|hyperParameters",
        weak_signs=r"parameter_id|intermediate|reward|default|status|sequence|startTime|endTime|logPath|parameters\..+",
        factors="(?:hyper_?parameters?|parameters)[./](?P<name>.+)",
        bookkeeping=(
            "trialJobId|sequenceId|sequence|parameter_id|parameter_source|parameter_index|intermediate|startTime|"
            "endTime|logPath|id|message|webuiUrl|environment_.+"
        ), results="reward|default|finalMetricData", state="status", run_id="trialJobId",
    ),
    Tool(
        "SageMaker",
        signs=(
            "TrainingJobName|TrainingJobStatus|FinalObjectiveValue|TrainingElapsedTimeSeconds|Training(Start|End)Time"
        ),
        bookkeeping=(
            "TrainingJobName|Training(Start|End)Time|TrainingElapsedTimeSeconds|TrainingJobArn|CreationTime|"
            "LastModifiedTime"
        ), results="FinalObjectiveValue", state="TrainingJobStatus", run_id="TrainingJobName",
        score="FinalObjectiveValue",
    ),
    Tool(
        "SLURM",
        signs=(
            "JobID|JobIDRaw|AllocCPUS|AllocTRES|MaxRSS|NodeList|ReqMem|CPUTime|TotalCPU|AllocNodes|ReqCPUS|"
            "DerivedExitCode"
        ), weak_signs="JobName|Partition|Account|State|ExitCode|Elapsed|Start|End|Submit|User|QOS|Cluster|NNodes|NCPUS",
        n_signs=3,
        bookkeeping=(
            "JobID|JobIDRaw|JobName|Partition|Account|AllocCPUS|AllocTRES|AllocNodes|ReqTRES|ReqCPUS|ReqMem|ExitCode|"
            "DerivedExitCode|Elapsed(Raw)?|CPUTime(RAW)?|TotalCPU|UserCPU|SystemCPU|MaxRSS|MaxVMSize|AveRSS|AveCPU|"
            "NodeList|Start|End|Submit|Eligible|User|UID|QOS|Cluster|NNodes|NCPUS|NTasks|WorkDir|Timelimit(Raw)?|"
            "Reason|Priority|Comment"
        ), state="State",
    ),
    Tool(
        "scikit-learn",
        signs=r"(mean|std)_(fit|score)_time|rank_test_.+|split\d+_(test|train)_.+|(mean|std)_(test|train)_.+",
        weak_signs="param_.+|params", factors="param_(?P<name>.+)", score="mean_test_score", maximizes=True,
        bookkeeping=(
            r"(mean|std)_(fit|score)_time|rank_test_.+|split\d+_(test|train)_.+|std_(test|train)_.+|params|iter|"
            r"n_resources"
        ), results="mean_(test|train)_.+", budget="n_resources",
    ),
    Tool(
        "Neptune", signs="sys/.+|parameters/.+|monitoring/.+", factors="parameters/(?P<name>.+)", run_id="sys/id",
        bookkeeping="sys/.+|monitoring/.+|source_code/.+", results="metrics/.+", state="sys/failed|sys/state",
    ),
)  # fmt: skip
# Prefixes with a point or a slash, for which a single column is sufficient evidence.
ANY_TOOL = Tool(
               "", signs="", factors="(?:params?|config|cfg|hparams?|hyperparam(?:eter)?s?|hp)[./](?P<name>.+)",
               results="(?:metrics?|summary)[./].+", attributes="tags?[./](?P<name>.+)",
           )  # fmt: skip
