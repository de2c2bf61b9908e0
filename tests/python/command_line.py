"""Tests that run the program in a folder of their own, which is gone afterwards."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

BINARY = os.environ["REVERIE_BINARY"]


class CommandLineTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # People have such names.
        cls.root = pathlib.Path(tempfile.mkdtemp(prefix=f"reverie {cls.__name__} ü "))
        cls.addClassCleanup(shutil.rmtree, cls.root)

    @classmethod
    def run_command(cls, *arguments, code=0):
        done = subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True, timeout=300, cwd=cls.root)
        if done.returncode != code:
            raise AssertionError(f"{arguments}: exit {done.returncode}, expected {code}: {done.stderr}")
        return done

    @classmethod
    def answer(cls, *arguments):
        return json.loads(cls.run_command(*arguments, "--json").stdout)

    def refused(self, *arguments, holds, code=1):
        lines = self.run_command(*arguments, code=code).stderr.splitlines()
        self.assertEqual(len(lines), 1, lines)
        self.assertIn(holds, lines[0])
