// Serving with Python: what the handlers do that a script leaves out (PyTorch, scikit-learn, no framework),
// requests served together, several models, and packages.
#include <future>
#include <vector>

#include <signal.h>

#include <sagemaker/aws/json.hpp>

#include "tests/toolkit/python_endpoint.hpp"

using namespace sagemaker::tests;
using sagemaker::json;

namespace {

using Texts = PythonEndpoint::Texts;

// The output of a Python program; empty where it fails.
std::string python(const TemporaryDirectory& folder, const std::string& program) {
  write_text(folder / "program.py", program);
  const std::string command =
      "/usr/bin/python3 " + (folder / "program.py").string() + " > " + (folder / "output").string();
  return std::system(command.c_str()) == 0 ? read_text(folder / "output") : "";
}

// Bytes as numpy or scipy write them.
std::string saved(const std::string& expression, const std::string& imports = "") {
  const TemporaryDirectory folder;
  return python(folder, "import io, sys, numpy\n" + imports + "out = io.BytesIO()\n" + expression +
                            "\nsys.stdout.buffer.write(out.getvalue())\n");
}

const std::string doubling_script =
    "import torch\n"
    "class Double(torch.nn.Module):\n"
    "  def forward(self, x):\n    return x * 2\n";

}  // namespace

TEST_CASE("a TorchScript model needs no script where the image is PyTorch's") {
  if (!has_package("torch")) return;
  PythonEndpoint endpoint(Texts{}, {{"SAGEMAKER_PYTHON_FRAMEWORK", "pytorch"}});
  const std::string file = (endpoint.base / "ml/model/net.pth").string();
  python(endpoint.base, doubling_script + "torch.jit.script(Double()).save('" + file + "')\n");
  // code/ with functions of its own takes precedence; here it has only one, the rest are the defaults.
  write_text(endpoint.base.path() / "ml/model/code/inference.py",
             "def model_warmup_fn(model_dir, model):\n  pass\n");
  endpoint.serve();
  CHECK(endpoint.post({"[[1, 2], [3, 4.5]]"}).body == "[[2.0, 4.0], [6.0, 9.0]]");
  CHECK(endpoint.post({"{\"inputs\": [[1]]}"}).body == "[[2.0]]");
  CHECK(endpoint.post({"1,2\n3,4\n", "text/csv", {{"Accept", "text/csv"}}}).body == "2.0,4.0\n6.0,8.0\n");
  CHECK(endpoint.post({"1,2", "text/csv; charset=utf-8"}).body == "[2.0, 4.0]");
  const auto array = endpoint.post({saved("numpy.save(out, numpy.array([[1, 2]], dtype='int64'))"),
                                    "application/x-npy",
                                    {{"Accept", "application/x-npy"}}});
  CHECK(array.get_header_value("Content-Type") == "application/x-npy");
  CHECK(array.body == saved("numpy.save(out, numpy.array([[2, 4]], dtype='int64'))"));
  CHECK(endpoint.post({saved("numpy.save(out, numpy.array([[1.5]], dtype='>f4'))"), "application/x-npy"})
            .body == "[[3.0]]");
  CHECK(endpoint.post({saved("numpy.savez(out, x=numpy.array([[1.5]]))"), "application/x-npz"}).body ==
        "[[3.0]]");
  CHECK(
      endpoint.post({"[1]", "application/json", {{"Accept", "image/png, text/csv;q=0.5, */*;q=0.1"}}}).body ==
      "2.0\n");

  for (const std::string bad : {"[[1, 2], [3]]", "{\"x\": 1}", "nothing", "[\"a\"]", ""}) {
    CAPTURE(bad);
    CHECK(endpoint.post({bad}).status == 400);
  }
  CHECK(endpoint.post({"not an array", "application/x-npy"}).status == 400);
  CHECK(endpoint.post({"not an archive", "application/x-npz"}).status == 400);
  const auto unknown = endpoint.post({"x", "image/png"});
  CHECK(unknown.status == 415);
  CHECK(unknown.body.starts_with("Content type image/png is not supported by this framework. Supported: "));
  const auto unwanted = endpoint.post({"[1]", "application/json", {{"Accept", "image/png"}}});
  CHECK(unwanted.status == 406);
  CHECK(contains(unwanted.body, "image/png is not supported"));
}

TEST_CASE("scikit-learn: model_fn is the script's, arrays in and predict() are the defaults") {
  if (!has_package("numpy")) return;
  const Texts files = {{"code/inference.py",
                        "class Model:\n"
                        "  def predict(self, data):\n    return data.sum(axis=1) if data.ndim > 1 else data\n"
                        "def model_fn(model_dir):\n  return Model()\n"}};
  for (const std::string framework : {"scikit-learn", ""}) {
    PythonEndpoint endpoint(files, {{"SAGEMAKER_PYTHON_FRAMEWORK", framework}});
    endpoint.serve();
    CHECK(endpoint.post({"1,2\n3,4\n", "text/csv"}).body == "[3.0, 7.0]");
    CHECK(endpoint.post({"[[1, 2.5]]"}).body == "[3.5]");
    CHECK(endpoint.post({"[[1, 2.5]]", "application/json", {{"Accept", "text/csv"}}}).body == "3.5\n");
    CHECK(endpoint.post({saved("numpy.save(out, numpy.ones((2, 3)))"), "application/x-npy"}).body ==
          "[3.0, 3.0]");
    CHECK_FALSE(contains(endpoint.process->output(), "torch"));
  }
}

TEST_CASE("scipy's sparse matrices arrive as such") {
  if (!has_package("scipy")) return;
  PythonEndpoint endpoint(Texts{{"code/inference.py",
                                 "def model_fn(model_dir):\n  return None\n"
                                 "def predict_fn(data, model):\n  return [data.format, data.sum()]\n"}},
                          {{"SAGEMAKER_PYTHON_FRAMEWORK", "scikit-learn"}});
  endpoint.serve();
  const std::string body =
      saved("scipy.sparse.save_npz(out, scipy.sparse.csr_matrix(numpy.eye(3)))", "import scipy.sparse\n");
  CHECK(endpoint.post({body, "application/x-npz"}).body == "[\"csr\", 3.0]");
}

TEST_CASE("scripts find the modules of AWS's containers, and documents reach Hugging Face models") {
  if (!has_package("numpy")) return;
  PythonEndpoint older(
      Texts{{"code/inference.py",
             "from sagemaker_containers.beta.framework import content_types, encoders, worker\n"
             "from sagemaker_inference import decoder, encoder, default_inference_handler\n"
             "def model_fn(model_dir):\n  return 3\n"
             "def input_fn(data, content_type):\n  return encoders.decode(data, content_types.JSON)\n"
             "def predict_fn(data, model):\n  return data * model\n"
             "def output_fn(prediction, accept):\n"
             "  return worker.Response(encoders.encode(prediction, 'text/csv'), mimetype='text/csv')\n"}});
  older.serve();
  const auto answer = older.post({"[1, 2]"});
  CHECK(answer.body == "3\n6\n");
  CHECK(answer.get_header_value("Content-Type") == "text/csv");

  PythonEndpoint documents(Texts{{"code/inference.py",
                                  "def model_fn(model_dir):\n"
                                  "  return lambda inputs, size=1: {'label': inputs, 'size': size}\n"}},
                           {{"SAGEMAKER_PYTHON_FRAMEWORK", "huggingface"}});
  documents.serve();
  CHECK(documents.post({"{\"inputs\": \"good\", \"parameters\": {\"size\": 2}}"}).body ==
        "{\"label\": \"good\", \"size\": 2}");
}

TEST_CASE("requests that wait are predicted together, each with its own answer or error") {
  if (!has_package("numpy")) return;
  // A batch runs when it is full, or when its first request has waited for the delay, which is none unless
  // asked for. Predictions end with the number of rows that were predicted together.
  const Texts files = {
      {"code/inference.py",
       "import json, numpy\n"
       "def model_fn(model_dir):\n  return None\n"
       "def input_fn(data, content_type):\n  return numpy.array(json.loads(data), dtype='float32')\n"
       "def predict_fn(data, model):\n"
       "  if (data < 0).any(): raise ValueError('a negative number')\n"
       "  return numpy.concatenate([data * 2, numpy.full((len(data), 1), len(data))], axis=1)\n"
       "def output_fn(prediction, accept, context):\n"
       "  return json.dumps([prediction.tolist(), context.get_request_header(0, 'X-Amzn-Tag')])\n"}};
  PythonEndpoint alone(files, {{"SAGEMAKER_TS_BATCH_SIZE", "4"}});
  alone.serve();
  CHECK(alone.post({"[[1, 2]]"}).body == "[[[2.0, 4.0, 1.0]], null]");

  PythonEndpoint endpoint(files,
                          {{"SAGEMAKER_TS_BATCH_SIZE", "4"}, {"SAGEMAKER_TS_MAX_BATCH_DELAY", "60000"}});
  endpoint.serve();
  const auto ask = [&](const std::vector<std::string>& bodies) {
    std::vector<std::future<httplib::Response>> answers;
    for (std::size_t i = 0; i < bodies.size(); ++i) {
      answers.push_back(std::async(std::launch::async, [&, i] {
        return endpoint.post({bodies[i], "application/json", {{"X-Amzn-Tag", std::to_string(i)}}});
      }));
    }
    std::vector<httplib::Response> got;
    for (auto& answer : answers) got.push_back(answer.get());
    return got;
  };
  const auto together = ask({"[[1]]", "[[2]]", "[[4], [5]]", "[[6]]"});
  CHECK(together[0].body == "[[[2.0, 5.0]], \"0\"]");
  CHECK(together[1].body == "[[[4.0, 5.0]], \"1\"]");
  CHECK(together[2].body == "[[[8.0, 5.0], [10.0, 5.0]], \"2\"]");
  CHECK(together[3].body == "[[[12.0, 5.0]], \"3\"]");

  const auto mixed = ask({"[[1]]", "[[-3]]", "nonsense", "[[6, 7]]"});
  CHECK(mixed[0].body == "[[[2.0, 1.0]], \"0\"]");
  CHECK(mixed[1].status == 500);
  CHECK(contains(mixed[1].body, "a negative number"));
  CHECK(mixed[2].status == 500);
  CHECK(contains(mixed[2].body, "Expecting value"));
  CHECK(mixed[3].body == "[[[12.0, 14.0, 1.0]], \"3\"]");
}

TEST_CASE("several models are loaded, invoked, listed and unloaded by the platform") {
  PythonEndpoint endpoint(Texts{}, {{"SAGEMAKER_MULTI_MODEL", "true"}});
  const auto model = [&](const std::string& name, const std::string& loading) {
    const std::filesystem::path folder = endpoint.base.path() / "ml/models" / name / "model";
    write_text(folder / "code/inference.py", "import os\ndef model_fn(model_dir):\n  " + loading +
                                                 "\ndef transform_fn(model, data, content_type, accept):\n"
                                                 "  return '%s %s %d' % (model, data, os.getpid())\n");
    return json{{"model_name", name}, {"url", "/opt/ml/models/" + name + "/model"}}.dump();
  };
  endpoint.serve();
  const auto load = [&](const std::string& body) {
    return endpoint.post({body, "application/json", {}, "/models"});
  };
  const auto invoke = [&](const std::string& name) {
    return endpoint.post({"x", "text/csv", {}, "/models/" + name + "/invoke"});
  };
  CHECK(endpoint.get("/ping").status == 200);
  CHECK(json::parse(endpoint.get("/models").body) == json{{"models", json::array()}});
  CHECK(invoke("one").status == 404);

  const std::string one = model("one", "return 'first'");
  CHECK(load(one).status == 200);
  CHECK(load(one).status == 409);
  CHECK(load(model("two", "return 'second'")).status == 200);
  CHECK(load(model("large", "raise MemoryError()")).status == 507);
  CHECK(load(model("killed", "os.kill(os.getpid(), 9)")).status == 507);
  const auto broken = load(model("broken", "raise ValueError('no weights')"));
  CHECK(broken.status == 500);
  CHECK(contains(broken.body, "Model broken cannot be loaded: no weights"));
  CHECK(load("{}").status == 400);
  CHECK(load("nothing").status == 400);
  CHECK(load(R"({"model_name": "absent", "url": "/opt/ml/models/absent/model"})").status == 500);

  CHECK(invoke("one").body.starts_with("first x "));
  CHECK(invoke("two").body.starts_with("second x "));
  CHECK(json::parse(endpoint.get("/models").body) ==
        json{{"models",
              {{{"modelName", "one"}, {"modelUrl", "/opt/ml/models/one/model"}},
               {{"modelName", "two"}, {"modelUrl", "/opt/ml/models/two/model"}}}}});
  CHECK(json::parse(endpoint.get("/models/two").body)["modelUrl"] == "/opt/ml/models/two/model");

  const std::string text = invoke("one").body;
  const pid_t worker = std::atoi(text.substr(text.rfind(' ')).c_str());
  httplib::Client client = endpoint.client();
  REQUIRE(client.Delete("/models/one"));
  CHECK(::kill(worker, 0) != 0);  // its memory is free before the answer comes
  CHECK(client.Delete("/models/one")->status == 404);
  CHECK(endpoint.get("/models/one").status == 404);
  CHECK(invoke("two").status == 200);
  CHECK(load(one).status == 200);
  CHECK(endpoint.get("/invocations").status == 404);
}

TEST_CASE("requirements.txt is installed before the model is loaded") {
  if (std::system("/usr/bin/python3 -m pip --version > /dev/null 2>&1") != 0)
    return skip("/usr/bin/python3 has no pip, which requirements need");
  PythonEndpoint endpoint(Texts{{"code/requirements.txt", "absent-package==1.0\n"},
                                {"code/inference.py", "def model_fn(model_dir):\n  return None\n"}});
  const std::string refusal = endpoint.refusal();
  CHECK(contains(refusal, "Installing dependencies from requirements.txt"));
  CHECK(contains(refusal, "No matching distribution found for absent-package==1.0"));
}

TEST_CASE("workers share the processors of the instance") {
  PythonEndpoint endpoint(Texts{{"code/inference.py",
                                 "import os\ndef model_fn(model_dir):\n  return None\n"
                                 "def transform_fn(model, data, content_type, accept):\n"
                                 "  return os.environ.get(data, 'unset')\n"}},
                          {{"SM_NUM_CPUS", "8"}, {"SAGEMAKER_MODEL_SERVER_WORKERS", "2"}});
  endpoint.serve();
  CHECK(endpoint.post({"OMP_NUM_THREADS", "text/csv"}).body == "4");
  CHECK(endpoint.post({"CUDA_VISIBLE_DEVICES", "text/csv"}).body == "unset");

  PythonEndpoint gpus(Texts{{"code/inference.py", read_text(endpoint.base / "ml/model/code/inference.py")}},
                      {{"SM_NUM_GPUS", "2"}, {"CUDA_VISIBLE_DEVICES", "5,7"}, {"OMP_NUM_THREADS", "3"}});
  gpus.serve();
  CHECK(gpus.post({"CUDA_VISIBLE_DEVICES", "text/csv"}).body == "5");
  CHECK(gpus.post({"OMP_NUM_THREADS", "text/csv"}).body == "3");
}
