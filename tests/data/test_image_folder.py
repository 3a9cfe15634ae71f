"""Folders of images: in which order they are read, at which size, and what may not be among them."""

import numpy as np
import pytest
from PIL import Image

from ablate.data.image_folder import read_images
from ablate.errors import DataError


def paint(path, value, size=(2, 3), mode="RGB"):
    """An image of one colour, `size` being height and width."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size[::-1], value).save(path)


def read(folder, image_size=None, *, is_given=False):
    return read_images(folder, image_size, is_given=is_given, origin="photos")


@pytest.fixture
def photos(tmp_path):
    for name, value in (("dog/b.png", 3), ("dog/a.png", 2), ("cat/10.png", 1), ("cat/2.png", 0)):
        paint(tmp_path / name, (value, 7, 7))
    return tmp_path


def test_images_come_by_class_and_name_with_sorted_classes(photos):
    source = read(photos)
    assert (source.x_train.shape, source.x_train.dtype) == ((4, 2, 3, 3), np.uint8)
    assert source.x_train[:, 0, 0, 0].tolist() == [1, 0, 2, 3]
    assert (source.y_train.tolist(), source.class_names) == ([0, 0, 1, 1], ("cat", "dog"))
    assert source.x_test is source.x_validation is None
    assert source.origin == "photos"


def test_grey_images_have_one_channel_unless_one_has_colours(photos):
    for path in photos.rglob("*.png"):
        paint(path, 9, mode="L")
    assert read(photos).x_train.shape == (4, 2, 3, 1)
    paint(photos / "dog" / "a.png", (1, 2, 3))
    assert read(photos).x_train[2, 0, 0].tolist() == [1, 2, 3]
    assert read(photos).x_train[0, 0, 0].tolist() == [9, 9, 9]


def test_parts_are_folders_of_their_own(tmp_path):
    for part in ("train", "Test", "val"):
        for name in ("cat", "dog"):
            paint(tmp_path / "set" / part / name / "1.png", (5, 5, 5))
    source = read(tmp_path / "set")
    assert (len(source.x_train), len(source.x_test), source.x_validation) == (2, 2, None)
    assert source.notes == ['photos: its validation images are not used, unless data.validation is "given"']
    assert len(read(tmp_path / "set", is_given=True).x_validation) == 2


def test_a_class_may_be_called_train(photos):
    paint(photos / "train" / "1.png", (4, 4, 4))
    assert read(photos).class_names == ("cat", "dog", "train")


def test_images_of_several_sizes_need_one_size(photos):
    paint(photos / "dog" / "a.png", (8, 8, 8), size=(4, 4))
    message = r"differ in size \(height × width\): 3 of 4 have 2 × 3, a\.png has 4 × 4\n  .*image_size = \[2, 3\]"
    with pytest.raises(DataError, match=message):
        read(photos)
    assert read(photos, (5, 6)).x_train.shape == (4, 5, 6, 3)
    assert read(photos, (5, 6)).x_train[2].min() == 8


def test_a_photo_is_turned_as_its_camera_was(photos):
    turned = Image.new("RGB", (2, 3), (1, 1, 1))  # 3 high, 2 wide; shown 2 high, 3 wide
    about = turned.getexif()
    about[0x0112] = 6
    turned.save(photos / "dog" / "a.png", exif=about)
    assert read(photos).x_train.shape == (4, 2, 3, 3)


def test_other_files_are_said_and_hidden_ones_passed_over(photos):
    (photos / "dog" / "notes.txt").write_text("x")
    (photos / "dog" / ".DS_Store").write_text("x")
    (photos / "labels.csv").write_text("x")
    (photos / ".git").mkdir()
    assert read(photos).notes == ["photos: not used, as they are no images: dog/notes.txt, labels.csv"]


def test_unreadable_files_are_named(photos):
    (photos / "dog" / "a.png").write_bytes(b"no image")
    content = (photos / "cat" / "2.png").read_bytes()
    (photos / "cat" / "2.png").write_bytes(content[:45])
    with pytest.raises(DataError, match=r"photos: 2 images cannot be read: cat/2\.png \(.*\), dog/a\.png \("):
        read(photos)
    (photos / "dog" / "a.png").unlink()
    with pytest.raises(DataError, match=r"photos: 1 image cannot be read: cat/2\.png"):
        read(photos)


def test_more_than_eight_bits_and_more_than_one_frame_are_refused(photos):
    paint(photos / "dog" / "a.png", 4000, mode="I;16")
    with pytest.raises(DataError, match=r"dog/a\.png \(its pixels have the type I;16, not 8 bits; convert it"):
        read(photos)
    (photos / "dog" / "a.png").unlink()
    frames = [Image.new("RGB", (3, 2), (k, 0, 0)) for k in range(3)]
    frames[0].save(photos / "dog" / "a.gif", save_all=True, append_images=frames[1:])
    with pytest.raises(DataError, match=r"dog/a\.gif \(has 3 frames; save each as an image"):
        read(photos)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"1.png": 1}, r"photos: 1 image in no folder of a class, the first is \"1\.png\"\n  move each image"),
        ({"train/cat/1.png": 1}, r'has folders of parts and other folders side by side \("cat", "dog" and "train"\)'),
        ({"empty/x.txt": 0}, r'the folder "empty" holds no images\n  images end in \.png'),
    ],
)
def test_a_folder_of_another_form_is_refused(photos, more, message):
    for name, is_image in more.items():
        if is_image:
            paint(photos / name, (1, 1, 1))
        else:
            (photos / name).parent.mkdir()
            (photos / name).write_text("x")
    with pytest.raises(DataError, match=message):
        read(photos)


def test_one_class_a_class_without_training_images_and_a_missing_part_are_refused(tmp_path):
    paint(tmp_path / "one" / "cat" / "1.png", (1, 1, 1))
    with pytest.raises(DataError, match=r'a folder for each class, at least two, got only "cat"\n  e\.g\. photos/cat'):
        read(tmp_path / "one")
    for name in ("train/cat", "train/dog", "test/bird"):
        paint(tmp_path / "two" / name / "1.png", (1, 1, 1))
    with pytest.raises(DataError, match=r'class "bird" of "test" has no training images\n  classes of train: cat, dog'):
        read(tmp_path / "two")
    with pytest.raises(DataError, match=r'data\.validation is "given", but there is no folder "validation"'):
        read(tmp_path / "two", is_given=True)


def test_more_pixels_than_half_of_the_memory_are_refused(photos, monkeypatch):
    monkeypatch.setattr("ablate.data.image_folder.memory_bytes", lambda: 100)
    with pytest.raises(
        DataError, match=r"4 images of 2 × 3 × 3 take 72 bytes, more than half .*\n  write a smaller image_"
    ):
        read(photos)
