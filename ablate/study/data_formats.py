"""Recognize data files that are not read, by name and first bytes, and say how to convert each."""

from collections.abc import Mapping
from dataclasses import dataclass

SAVE = "numpy.savez('data.npz', x_train=…, y_train=…, x_test=…, y_test=…)"


@dataclass(frozen=True, slots=True)
class Format:
    """A file format, and the line of Python that converts it (run by the user, never by this package)."""

    what: str
    read: str = ""  # reads arrays, to be saved as an .npz file
    instead: str = ""  # advice for tables, and for formats that no line of Python can read

    def way_out(self) -> str:
        """How to convert the file to a format that is read."""
        return self.instead or f"convert it to .npz in Python: {self.read}\n  {SAVE}"


def _table(what: str, reader: str, to: str = "to_csv('data.csv', index=False)") -> Format:
    return Format(what, instead=f"convert it to .{to[3 : to.index('(')]} in Python: pandas.{reader}(path).{to}")


_TEXT = Format("a text file", instead="if it is a table, give it a name that ends in .csv, and name it in data.name")
EXCEL = _table("a spreadsheet", "read_excel")
_FEATHER = _table("a Feather table", "read_feather", "to_parquet('data.parquet')")
_PARQUET = Format("a Parquet table", instead="give it a name that ends in .parquet, and name it in data.name")
_ARFF = Format(
    "an ARFF table",
    instead="convert it to .csv in Python: pandas.DataFrame(scipy.io.arff.loadarff(path)[0]).to_csv('data.csv', "
    "index=False)",
)
_PICKLE = Format("a Python pickle, which can run any code when opened", "data = pickle.load(open(path, 'rb'))")
_HDF5 = Format("an HDF5 file", "file = h5py.File(path); x = file['x'][:]")
_NPY = Format("a single array (.npy)", "x = numpy.load(path)")
_MATLAB = Format("a MATLAB file", "x = scipy.io.loadmat(path)['x']")
_TORCH = Format("a PyTorch file", "x = torch.load(path)['x'].numpy()")
_JSON = Format("a JSON file", "data = json.load(open(path)); x = numpy.array(data['x'])")
_PACKED = Format("an archive", instead="unpack it, and name the file or folder of images that it holds")
_WEB_PAGE = Format("a web page instead of the file", instead="download the file itself")
_LFS = Format("a Git LFS pointer instead of the file", instead="fetch the file itself: git lfs pull")
_RECORDS = Format("a TFRecord file", "x = numpy.stack([parse(r) for r in tensorflow.data.TFRecordDataset(path)])")
_OF_IMAGES = 'name a folder of images with a slash at its end, as "photos/": it has a folder for each class'
_IMAGE = Format("a single image", instead=_OF_IMAGES)
FOLDER = Format("a folder", instead=_OF_IMAGES)
FORMATS: Mapping[str, Format] = {
    **dict.fromkeys((".txt", ".dat", ".data"), _TEXT),
    ".arff": _ARFF,
    **dict.fromkeys((".xlsx", ".xls", ".ods"), EXCEL),
    ".feather": _FEATHER,
    **dict.fromkeys((".pkl", ".pickle", ".p", ".joblib"), _PICKLE),
    **dict.fromkeys((".h5", ".hdf5", ".hdf"), _HDF5),
    ".npy": _NPY,
    ".mat": _MATLAB,
    **dict.fromkeys((".pt", ".pth"), _TORCH),
    **dict.fromkeys((".json", ".jsonl"), _JSON),
    **dict.fromkeys((".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z"), _PACKED),
    ".tfrecord": _RECORDS,
    **dict.fromkeys((".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp"), _IMAGE),
}
PARQUET, SQLITE = b"PAR1", b"SQLite format 3\0"  # first bytes
SQLITE_SIDES = ("-wal", "-journal", "-shm")  # suffixes of the auxiliary files of a database
_BEGINNINGS: Mapping[bytes, Format] = {
    b"\x93NUMPY": _NPY,
    b"\x89HDF\r\n\x1a\n": _HDF5,
    PARQUET: _PARQUET,
    b"\x1f\x8b": _PACKED,
    b"BZh": _PACKED,
    b"\x89PNG": _IMAGE,
    b"\xff\xd8\xff": _IMAGE,
    b"MATLAB 5.0": _MATLAB,
    b"<!DOCTYPE": _WEB_PAGE,
    b"<!doctype": _WEB_PAGE,
    b"<html": _WEB_PAGE,
    b"version https://git-lfs": _LFS,
    **{bytes((0x80, protocol)): _PICKLE for protocol in (2, 3, 4, 5)},
}


def format_of_name(name: str) -> Format | None:
    """The format of a file by its suffix; None for those that are read, and for unknown suffixes."""
    lower = name.lower().rstrip("/\\")
    return next((kind for ending, kind in FORMATS.items() if lower.endswith(ending)), None)


def format_of_content(beginning: bytes) -> Format | None:
    """The format of a file by its first bytes; None if they are unknown."""
    known = next((kind for mark, kind in _BEGINNINGS.items() if beginning.startswith(mark)), None)
    if known is not None or not beginning:
        return known
    first = beginning.split(b"\n", 1)[0]
    is_text = not any(byte < 9 or 13 < byte < 32 for byte in beginning)
    return _TEXT if is_text and any(mark in first for mark in b",;\t") else None
