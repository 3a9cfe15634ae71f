"""All faults there are, in the order in which the benchmark puts them in."""

from survival import stops, storage, user_models
from survival.acts import Fault

FAULTS: tuple[Fault, ...] = (
    stops.ctrl_c, stops.ctrl_c_twice, stops.sigterm, stops.sigterm_to_all, stops.terminal_closed, storage.disk_full,
    storage.disk_full_at_the_end, storage.read_only, storage.search_locked, storage.store_locked,
    storage.search_truncated, storage.store_truncated, storage.store_half_made, storage.server_restarted,
    storage.server_gone, storage.server_gone_at_the_start, user_models.user_models,
    user_models.same_failures, stops.second_refused, stops.study_changed, stops.continued,
)  # fmt: skip
