"""The folder and the seed of a trial of user code."""

from ablate.training.trial_folder import empty_folder, folder_of, user_seed


def test_a_study_with_seed_0_gives_the_replicates_number():
    assert [user_seed(0, replicate) for replicate in range(3)] == [0, 1, 2]
    seeds = {user_seed(study, replicate) for study in range(50) for replicate in range(200)}
    assert len(seeds) == 50 * 200
    assert 0 <= user_seed(2**32 - 1, 10_000) < 2**32


def test_no_two_trials_share_a_folder(tmp_path):
    names = ["ablation-a=1-s1", "ablation-a=b/c-s1", "ablation-a=b c-s1", "../x"]
    folders = [folder_of(tmp_path, name) for name in names]
    assert len(set(folders)) == len(names)
    assert {folder.parent for folder in folders} == {tmp_path}


def test_a_second_attempt_finds_no_file_of_the_first(tmp_path):
    (empty_folder(tmp_path, "a") / "checkpoint").write_text("half")
    assert list(empty_folder(tmp_path, "a").iterdir()) == []
