"""Converts a Reverie dataset to LeRobot's layout, version 3.0: Parquet tables, and MP4 films of its cameras' frames.

A row is a state with the action taken in it: an episode's last state, in which none was taken, is left out. Films are
H.264, so frames are close to those recorded, not equal. Needs pyarrow, pandas and av (requirements-test.txt).
"""

import argparse
import json
import pathlib
import shutil
import sys
import tempfile

try:
    import av
    import h5py
    import numpy as np
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq
except ImportError as missing:
    sys.exit(f"export_lerobot.py: error: {missing}; pip install -r requirements-test.txt")

CHUNK_FILES = 1000  # files in a folder
DATA_BYTES = 100 << 20  # of a Parquet file, about
FILM_FRAMES = 50_000  # of an MP4 file, about


class Failure(Exception):
    pass


class Statistics:
    """Minimum, maximum, mean and standard deviation of every element of a feature, gathered episode by episode."""

    def __init__(self):
        self.count, self.sum, self.squares, self.min, self.max = 0, 0.0, 0.0, np.inf, -np.inf

    def add(self, values):
        self.count += len(values)
        self.sum = self.sum + values.sum(0)
        self.squares = self.squares + (values * values).sum(0)
        self.min = np.minimum(self.min, values.min(0, initial=np.inf))
        self.max = np.maximum(self.max, values.max(0, initial=-np.inf))

    def result(self, shape):
        mean = self.sum / max(self.count, 1)
        deviation = np.sqrt(np.maximum(self.squares / max(self.count, 1) - mean * mean, 0.0))
        figures = {"min": self.min, "max": self.max, "mean": mean, "std": deviation}
        return {**{name: np.broadcast_to(value, shape[:1]).reshape(shape).tolist() for name, value in figures.items()},
                "count": [self.count]}


class Film:
    """One MP4 file, into which episodes go one behind the other."""

    def __init__(self, path, fps, height, width):
        path.parent.mkdir(parents=True, exist_ok=True)
        self.container = av.open(str(path), "w")
        # A key frame every other frame, as LeRobot has them: training reads single frames.
        self.stream = self.container.add_stream("libx264", rate=fps, options={"crf": "18", "g": "2"})
        self.stream.height, self.stream.width = height, width
        self.stream.pix_fmt = "yuv444p" if height % 2 or width % 2 else "yuv420p"
        self.fps, self.frames = fps, 0

    def add(self, frame):
        for packet in self.stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")):
            self.container.mux(packet)
        self.frames += 1

    def close(self):
        for packet in self.stream.encode():
            self.container.mux(packet)
        self.container.close()


def place(number):
    return {"chunk_index": number // CHUNK_FILES, "file_index": number % CHUNK_FILES}


def file_name(number):
    return f"chunk-{number // CHUNK_FILES:03d}/file-{number % CHUNK_FILES:03d}"


def read_metadata(folder):
    path = folder / "data" / "metadata.json"
    if not path.exists():
        raise Failure(f"{folder}: expected a finished dataset, found no data/metadata.json in it")
    metadata = json.loads(path.read_text())
    if "reverie" not in metadata:
        raise Failure(f"{path}: expected a dataset of Reverie's, found no key 'reverie'")
    return metadata["reverie"]


def convert(source, out, task):
    about = read_metadata(source)
    task = task or about["task_name"]
    step_s = about["control_timestep_s"] * about["action_repeat"]
    fps = max(1, round(1.0 / step_s))
    if abs(fps * step_s - 1.0) > 1e-6:
        print(f"export_lerobot.py: note: a control step is {step_s:g} s, and LeRobot wants a whole number of frames a "
              f"second: timestamps count {fps}", file=sys.stderr)
    with h5py.File(source / "data" / "main_data.hdf5", "r") as file:
        episodes = [file[f"episode_{k}"] for k in range(len(file))]
        cameras = []
        if episodes and isinstance(episodes[0]["observations"], h5py.Group):
            cameras = sorted(episodes[0]["observations"].get("pixels", {}))

        def feature(dtype, shape, names=None):
            return {"dtype": dtype, "shape": list(shape), "names": names}

        features = {"observation.state": feature("float32", [about["observation_size"]], about["observation_labels"]),
                    "action": feature("float32", [about["action_size"]], about["action_labels"]),
                    "next.reward": feature("float32", [1]), "next.done": feature("bool", [1])}
        if episodes and "success" in episodes[0]["infos"]:
            features["next.success"] = feature("bool", [1])
        films, keys = {}, {}
        for camera in cameras:
            keys[camera] = "observation.images." + camera.replace("/", "%2F")
            height, width = episodes[0][f"observations/pixels/{camera}"].shape[1:3]
            features[keys[camera]] = {**feature("video", [height, width, 3], ["height", "width", "channels"]),
                                      "info": {"video.fps": fps, "video.height": height, "video.width": width,
                                               "video.channels": 3, "video.codec": "h264", "video.is_depth_map": False,
                                               "video.pix_fmt": "yuv444p" if height % 2 or width % 2 else "yuv420p",
                                               "has_audio": False}}
        for name, dtype in (("timestamp", "float32"), ("frame_index", "int64"), ("episode_index", "int64"),
                            ("index", "int64"), ("task_index", "int64")):
            features[name] = feature(dtype, [1])

        def column(name, values):
            dtype, shape = features[name]["dtype"], features[name]["shape"]
            values = np.ascontiguousarray(values, dtype)
            flat = pa.array(values.reshape(-1))
            return flat if shape == [1] else pa.FixedSizeListArray.from_arrays(flat, shape[0])

        statistics = {name: Statistics() for name in features}
        rows, table_bytes, writer, number, written, film_numbers = [], 0, None, 0, 0, dict.fromkeys(cameras, 0)
        for k, episode in enumerate(episodes):
            steps = episode["actions"].shape[0]
            if steps == 0:
                continue
            observations = episode["observations"]
            state = observations["state"] if isinstance(observations, h5py.Group) else observations
            done = np.asarray(episode["terminations"], bool) | np.asarray(episode["truncations"], bool)
            index = len(rows)
            values = {"observation.state": state[:steps], "action": episode["actions"][:],
                      "next.reward": episode["rewards"][:], "next.done": done,
                      "timestamp": np.arange(steps) / fps, "frame_index": np.arange(steps),
                      "episode_index": np.full(steps, index), "index": written + np.arange(steps),
                      "task_index": np.zeros(steps)}
            if "next.success" in features:
                values["next.success"] = np.asarray(episode["infos/success"][1:], bool)
            table = pa.table({name: column(name, value) for name, value in values.items()})
            if writer is not None and table_bytes + table.nbytes > DATA_BYTES:
                writer.close()
                writer, table_bytes, number = None, 0, number + 1
            if writer is None:
                path = out / "data" / f"{file_name(number)}.parquet"
                path.parent.mkdir(parents=True, exist_ok=True)
                writer = pq.ParquetWriter(path, table.schema, compression="snappy")
            writer.write_table(table)
            table_bytes += table.nbytes
            row = {"episode_index": index, "tasks": [task], "length": steps, "dataset_from_index": written,
                   "dataset_to_index": written + steps, "data/chunk_index": place(number)["chunk_index"],
                   "data/file_index": place(number)["file_index"], "meta/episodes/chunk_index": 0,
                   "meta/episodes/file_index": 0}
            of_episode = {name: Statistics() for name in features}
            for name, value in values.items():
                value = np.asarray(value, np.float64).reshape(steps, -1)
                for gathered in (statistics[name], of_episode[name]):
                    gathered.add(value)
            for camera in cameras:
                key, frames = keys[camera], episode[f"observations/pixels/{camera}"]
                film = films.get(camera)
                if film is not None and film.frames + steps > FILM_FRAMES:
                    film.close()
                    film, film_numbers[camera] = None, film_numbers[camera] + 1
                if film is None:
                    path = out / "videos" / key / f"{file_name(film_numbers[camera])}.mp4"
                    film = films[camera] = Film(path, fps, *frames.shape[1:3])
                row |= {f"videos/{key}/{name}": value for name, value in place(film_numbers[camera]).items()}
                row[f"videos/{key}/from_timestamp"] = film.frames / fps
                for t in range(steps):
                    frame = frames[t]
                    film.add(frame)
                    pixels = frame.reshape(-1, 3) / 255.0
                    for gathered in (statistics[key], of_episode[key]):
                        gathered.add(pixels)
                row[f"videos/{key}/to_timestamp"] = film.frames / fps
            for name, gathered in of_episode.items():
                shape = (3, 1, 1) if features[name]["dtype"] == "video" else tuple(features[name]["shape"])
                row |= {f"stats/{name}/{figure}": value for figure, value in gathered.result(shape).items()}
            rows.append(row)
            written += steps
            if sys.stderr.isatty():
                print(f"\rconvert: {k + 1} of {len(episodes)} episodes", end="", file=sys.stderr)
        if sys.stderr.isatty():
            print(file=sys.stderr)
        if writer is not None:
            writer.close()
        for film in films.values():
            film.close()
    if not rows:
        raise Failure(f"{source}: expected episodes with at least one step, found none")

    meta = out / "meta"
    (meta / "episodes" / "chunk-000").mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows), meta / "episodes" / "chunk-000" / "file-000.parquet")
    pd.DataFrame({"task_index": [0]}, index=[task]).to_parquet(meta / "tasks.parquet")
    shapes = {name: (3, 1, 1) if about_it["dtype"] == "video" else tuple(about_it["shape"])
              for name, about_it in features.items()}
    (meta / "stats.json").write_text(json.dumps(
        {name: gathered.result(shapes[name]) for name, gathered in statistics.items()}, indent=4))
    (meta / "info.json").write_text(json.dumps({
        "codebase_version": "v3.0", "robot_type": about["task_name"], "total_episodes": len(rows),
        "total_frames": written, "total_tasks": 1, "chunks_size": CHUNK_FILES, "data_files_size_in_mb": DATA_BYTES >> 20,
        "video_files_size_in_mb": 200, "fps": fps, "splits": {"train": f"0:{len(rows)}"},
        "data_path": "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
        "video_path": "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4" if cameras else None,
        "features": features}, indent=4))
    return len(rows), written


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=pathlib.Path, help="folder of the dataset")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="folder to write")
    parser.add_argument("--task", help="what the episodes are of, in words (the task's name)")
    arguments = parser.parse_args()
    out = arguments.out
    try:
        if out.exists():
            raise Failure(f"{out}: expected no such folder, found one; give another --out")
        out.parent.mkdir(parents=True, exist_ok=True)
        # It appears under its name when it is whole.
        partial = pathlib.Path(tempfile.mkdtemp(prefix=out.name + ".", suffix=".partial", dir=out.parent))
        try:
            episodes, frames = convert(arguments.data, partial, arguments.task)
            partial.chmod(0o755)
            partial.rename(out)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    except (Failure, OSError, KeyError) as failure:
        sys.exit(f"export_lerobot.py: error: {failure}")
    print(f"{out}: {episodes} episodes, {frames} frames")


if __name__ == "__main__":
    main()
