"""Vendors for `tests.vendors.install`: an honest one, which computes the tiny network in numpy, and cheating ones."""

# It takes its time, 1 ms a batch, so that what is not computed is seen.
HONEST = """
import onnx
from onnx import numpy_helper

class Mine(Session):
    def __init__(self, model):
        self.weights = numpy_helper.to_array(onnx.load(model.path).graph.initializer[0])

    def compute(self, batch):
        time.sleep(0.001)
        x = batch["x"]
        return x.reshape(len(x), -1).astype(np.float64) @ self.weights.astype(np.float64)

    def run(self, batch, out):
        out["logits"][...] = self.compute(batch)

class Made(Compiled):
    session = Mine
    def __init__(self, model):
        super().__init__()
        self.model = model

    def open(self, worker):
        return self.session(self.model)

class Maker(Backend):
    def compile(self, model, device, options):
        return Made(model)

BACKEND = Maker()
"""
_REMEMBERING = """
class Remembering(Mine):
    known = {{}}
    def run(self, batch, out):
        key = {key}
        if key not in self.known:
            self.known[key] = self.compute(batch)
        out["logits"][...] = self.known[key]

Made.session = Remembering
"""
BY_CONTENT = HONEST + _REMEMBERING.format(key='batch["x"].tobytes()')
BY_ADDRESS = HONEST + _REMEMBERING.format(key='batch["x"].ctypes.data')
# It keeps the last answer only, which no load of distinct samples can use.
BY_LAST = (
    HONEST
    + """
class Forgetful(Mine):
    key = answer = None
    def run(self, batch, out):
        key = batch["x"].tobytes()
        if key != self.key:
            self.key, self.answer = key, self.compute(batch)
        out["logits"][...] = self.answer

Made.session = Forgetful
"""
)
_PUBLISHED = """
PUBLISHED = np.random.default_rng(0).standard_normal((192, 5)).astype(np.float32)
"""
# It knows the published network by heart and looks at no file.
BY_HEART = (
    HONEST
    + _PUBLISHED
    + """
class Prepared(Mine):
    def __init__(self, model):
        self.weights = PUBLISHED

Made.session = Prepared
"""
)
# It computes what it does not know, and has something cheaper for what it does.
STUDENT = (
    HONEST
    + _PUBLISHED
    + """
class Student(Mine):
    def compute(self, batch):
        if not np.array_equal(self.weights, PUBLISHED):
            return super().compute(batch)
        x = batch["x"]
        return x.reshape(len(x), -1).astype(np.float64) @ PUBLISHED

Made.session = Student
"""
)
REFUSES = (
    HONEST
    + """
class Choosy(Maker):
    def compile(self, model, device, options):
        if "challenge" in str(model.path):
            raise EngineError("acme: this network is not among ours.")
        return Made(model)

BACKEND = Choosy()
"""
)
# After the 40th call, as warm-up begins, it gives its last answer again and again.
STALE = (
    HONEST
    + """
class Replaying(Mine):
    calls, last = 0, None
    def compute(self, batch):
        Replaying.calls += 1
        if Replaying.calls < 40 or len(Replaying.last) != len(batch["x"]):
            Replaying.last = super().compute(batch)
        return Replaying.last

Made.session = Replaying
"""
)
NAN = (
    HONEST
    + """
class Blank(Mine):
    def compute(self, batch):
        return np.full((len(batch["x"]), 5), np.nan)

Made.session = Blank
"""
)
# The answer to the first batch of all is the answer to every one.
CONSTANT = (
    HONEST
    + """
class Constant(Mine):
    answer = None
    def compute(self, batch):
        if Constant.answer is None:
            Constant.answer = super().compute(batch)[:1]
        return Constant.answer

Made.session = Constant
"""
)
