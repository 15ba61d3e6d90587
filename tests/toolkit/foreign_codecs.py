"""Bodies that NumPy, SciPy, PyTorch, Pillow and the SageMaker Python SDK write are read, and what they read is
what the toolkit writes. CODEC_PROGRAM is tests/toolkit/programs/codec.cpp.

Runs with what this Python has; exits 77 (skipped) where it has not even NumPy.
"""

import io
import os
import random
import subprocess
import sys
import unittest

try:
    import numpy
except ImportError:
    print(f"SKIPPED: {sys.executable} has no NumPy (Debian: python3-numpy)")
    sys.exit(77)

PROGRAM = os.environ["CODEC_PROGRAM"]


def need(name, package):
    """The module; where it is missing the class of tests is skipped, and says so."""
    try:
        return __import__(name, fromlist=["x"])
    except ImportError:
        print(f"SKIPPED: {sys.executable} has no {name} ({package})")
        raise unittest.SkipTest(name)


# One process for all: libtorch takes a while to load.
process = subprocess.Popen([PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def codec(command, argument, body):
    process.stdin.write(b"%s %d %s\n" % (command.encode(), len(body), argument.encode()) + body)
    process.stdin.flush()
    status, length = map(int, process.stdout.readline().split())
    answer = process.stdout.read(length)
    if status != 0:
        raise ValueError(f"{status} {answer.decode()}")
    return answer


def decode(content_type, body):
    return numpy.load(io.BytesIO(codec("decode", content_type, body)))


def encode(accept, array):
    buffer = io.BytesIO()
    numpy.save(buffer, array)
    return codec("encode", accept, buffer.getvalue())


ROWS = numpy.array([[0.0, 1.5, 0.0, -2.25], [3.0, 0.0, 0.0, 1e-7]], dtype="float32")


class Numpy(unittest.TestCase):
    def test_npy(self):
        for dtype in ("float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "bool", ">f8"):
            for array in (ROWS.astype(dtype), numpy.asfortranarray(ROWS.astype(dtype)), numpy.zeros((0, 3), dtype)):
                buffer = io.BytesIO()
                numpy.save(buffer, array)
                read = decode("application/x-npy", buffer.getvalue())
                self.assertEqual(read.dtype, array.dtype.newbyteorder("="))
                numpy.testing.assert_array_equal(read, array)
        written = numpy.load(io.BytesIO(encode("application/x-npy", ROWS)))
        numpy.testing.assert_array_equal(written, ROWS)

    def test_npz(self):
        for save in (numpy.savez, numpy.savez_compressed):
            buffer = io.BytesIO()
            save(buffer, numpy.tile(ROWS, (50, 1)))
            numpy.testing.assert_array_equal(
                decode("application/x-npz", buffer.getvalue()), numpy.tile(ROWS, (50, 1))
            )
        buffer = io.BytesIO()
        numpy.savez(buffer, a=ROWS, b=ROWS)
        with self.assertRaisesRegex(ValueError, "400 invalid NPZ input: it holds 2 arrays"):
            decode("application/x-npz", buffer.getvalue())

    def test_csv_and_json(self):
        buffer = io.StringIO()
        numpy.savetxt(buffer, ROWS, delimiter=",")
        numpy.testing.assert_array_equal(decode("text/csv", buffer.getvalue().encode()), ROWS)
        numpy.testing.assert_array_equal(
            numpy.loadtxt(io.BytesIO(encode("text/csv", ROWS)), delimiter=",", dtype="float32"), ROWS
        )
        import json

        numpy.testing.assert_array_equal(decode("application/json", json.dumps(ROWS.tolist()).encode()), ROWS)
        numpy.testing.assert_array_equal(numpy.array(json.loads(encode("application/json", ROWS)), "float32"), ROWS)
        lines = encode("application/jsonlines", ROWS).decode().splitlines()
        numpy.testing.assert_array_equal(numpy.array([json.loads(line) for line in lines], "float32"), ROWS)

    def test_numbers_become_the_float32_that_numpy_makes_of_them(self):
        generator = random.Random(5)
        numbers = [generator.uniform(-1, 1) * 10 ** generator.randint(-30, 30) for _ in range(20000)]
        text = ",".join(map(repr, numbers)).encode()
        expected = numpy.array(numbers).astype("float32")[None]
        numpy.testing.assert_array_equal(decode("text/csv", text), expected)


class Scipy(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sparse = need("scipy.sparse", "Debian: python3-scipy")

    def test_every_sparse_format(self):
        matrix = self.sparse.random(37, 52, density=0.1, random_state=1, dtype="float64")
        blocks = self.sparse.kron(self.sparse.random(4, 5, density=0.5, random_state=2), numpy.ones((3, 2)))
        for original in (matrix, blocks, self.sparse.csr_matrix((3, 4)), self.sparse.eye(7, k=2) * 3):
            for name in ("csr", "csc", "coo", "bsr", "dia"):
                for compressed in (True, False):
                    buffer = io.BytesIO()
                    self.sparse.save_npz(buffer, original.asformat(name), compressed=compressed)
                    numpy.testing.assert_array_equal(
                        decode("application/x-npz", buffer.getvalue()),
                        original.toarray().astype("float32"),
                        err_msg=name,
                    )


class Torch(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.torch = need("torch", "Debian: python3-torch")

    def saved(self, value, **how):
        buffer = io.BytesIO()
        self.torch.save(value, buffer, **how)
        return buffer.getvalue()

    def test_what_torch_saves_is_read(self):
        torch = self.torch
        rows = torch.from_numpy(ROWS)
        for dtype in ("float16", "float32", "float64", "uint8", "int8", "int16", "int32", "int64", "bool"):
            tensor = rows.to(getattr(torch, dtype))
            read = decode("tensor/pt", self.saved(tensor))
            self.assertEqual(str(read.dtype), dtype)
            numpy.testing.assert_array_equal(read, tensor.numpy())
        numpy.testing.assert_array_equal(
            decode("tensor/pt", self.saved(rows.to(torch.bfloat16))), rows.to(torch.bfloat16).float().numpy()
        )
        views = {
            "transposed": rows.t(),
            "part": rows[:, 1:3],
            "expanded": rows[:1].expand(5, 4),
            "scalar": torch.tensor(2.5),
            "empty": torch.zeros(0, 3),
            "parameter": torch.nn.Parameter(rows.clone()),
            "gradient": rows.clone().requires_grad_(),
        }
        for name, tensor in views.items():
            with self.subTest(name):
                numpy.testing.assert_array_equal(
                    decode("tensor/pt", self.saved(tensor)), tensor.detach().numpy()
                )

    def test_what_is_no_dense_tensor_is_refused(self):
        torch = self.torch
        rows = torch.from_numpy(ROWS)
        for value in ([rows, rows], {"a": rows}, 7, rows.to_sparse(), torch.zeros(2, dtype=torch.complex64), print):
            with self.assertRaisesRegex(ValueError, "^400 invalid tensor/pt input"):
                decode("tensor/pt", self.saved(value))
        with self.assertRaisesRegex(ValueError, "it is not what torch.save writes"):
            decode("tensor/pt", self.saved(rows, _use_new_zipfile_serialization=False))

    def test_the_sdk_says_tensor_pt_and_means_numpy(self):
        """Its TorchTensorSerializer and TorchTensorDeserializer are NumPy's format under this name."""
        for array in (ROWS, ROWS.astype("int64"), ROWS > 0, numpy.zeros((0, 2), "float64"), numpy.float32(3)):
            body = io.BytesIO()
            numpy.save(body, array)
            numpy.testing.assert_array_equal(decode("tensor/pt", body.getvalue()), array)
            loaded = numpy.load(io.BytesIO(encode("tensor/pt", array)))
            numpy.testing.assert_array_equal(loaded, array)
            self.assertEqual(loaded.dtype, numpy.asarray(array).dtype)


class Pictures(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.image = need("PIL.Image", "Debian: python3-pil")

    def encoded(self, picture, kind, **how):
        buffer = io.BytesIO()
        picture.save(buffer, kind, **how)
        return buffer.getvalue()

    def picture(self, mode, seed=1):
        # Smooth, so that JPEG loses little.
        bands = numpy.random.default_rng(seed).integers(0, 256, (5, 4, 3), dtype="uint8")
        return self.image.fromarray(bands).resize((31, 45), self.image.BILINEAR).convert(mode)

    def expected(self, picture):
        mode = "L" if picture.mode in ("1", "L", "LA") else "RGB"
        pixels = numpy.asarray(picture.convert(mode), "float32") / numpy.float32(255)
        return pixels[None, None] if mode == "L" else pixels.transpose(2, 0, 1)[None]

    def test_png(self):
        for mode in ("1", "L", "LA", "P", "RGB", "RGBA"):
            with self.subTest(mode):
                picture = self.picture(mode)
                read = decode("image/png", self.encoded(picture, "PNG"))
                numpy.testing.assert_array_equal(read, self.expected(picture))

    def test_jpeg(self):
        for mode in ("L", "RGB"):
            for how in ({}, {"progressive": True}, {"subsampling": 0}, {"optimize": True}):
                with self.subTest(mode, how=how):
                    body = self.encoded(self.picture(mode), "JPEG", quality=95, **how)
                    theirs = self.image.open(io.BytesIO(body))
                    read = decode("image/jpeg", body)
                    # Decoders may round the inverse transform and spread colours differently.
                    numpy.testing.assert_allclose(read, self.expected(theirs), atol=16 / 255)
                    self.assertLess(abs(read - self.expected(theirs)).mean(), 1 / 255)


class SageMakerSdk(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        need("sagemaker.amazon.common", "the SageMaker Python SDK, version 2")

    def test_records(self):
        from sagemaker.amazon import common

        for dtype in ("float32", "float64", "int64"):
            array = ROWS.astype(dtype)
            body = common.RecordSerializer().serialize(array)
            body = body.read() if hasattr(body, "read") else body
            numpy.testing.assert_array_equal(
                decode("application/x-recordio-protobuf", body), array.astype("float32")
            )
        records = common.RecordDeserializer().deserialize(
            io.BytesIO(encode("application/x-recordio-protobuf", ROWS)), "application/x-recordio-protobuf"
        )
        scores = [list(record.label["score"].float32_tensor.values) for record in records]
        numpy.testing.assert_array_equal(numpy.array(scores, "float32"), ROWS)

    def test_sparse_records(self):
        from sagemaker.amazon import common

        sparse = need("scipy.sparse", "SciPy")
        matrix = sparse.csr_matrix(ROWS)
        buffer = io.BytesIO()
        common.write_spmatrix_to_sparse_tensor(buffer, matrix)
        numpy.testing.assert_array_equal(decode("application/x-recordio-protobuf", buffer.getvalue()), ROWS)

    def test_serializers(self):
        from sagemaker import serializers

        rows = ROWS.tolist()
        numpy.testing.assert_array_equal(
            decode("application/json", serializers.JSONSerializer().serialize({"instances": rows}).encode()), ROWS
        )
        numpy.testing.assert_array_equal(
            decode("text/csv", serializers.CSVSerializer().serialize(rows).encode()), ROWS
        )
        numpy.testing.assert_array_equal(
            decode("application/jsonlines", serializers.JSONLinesSerializer().serialize(rows).encode()), ROWS
        )
        numpy.testing.assert_array_equal(
            decode("application/x-npy", serializers.NumpySerializer().serialize(ROWS)), ROWS
        )
        sparse = need("scipy.sparse", "SciPy")
        numpy.testing.assert_array_equal(
            decode("application/x-npz", serializers.SparseMatrixSerializer().serialize(sparse.csr_matrix(ROWS))),
            ROWS,
        )


def tearDownModule():
    process.stdin.close()
    process.wait(timeout=60)
    process.stdout.close()


if __name__ == "__main__":
    unittest.main()
