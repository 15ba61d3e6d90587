// Serving with Python handlers, with real processes over HTTP: the rules of AWS's inference toolkits, workers
// that fail, streams, batches, and several models.
#include <atomic>
#include <future>
#include <thread>

#include <signal.h>

#include <sagemaker/aws/json.hpp>

#include "tests/toolkit/python_endpoint.hpp"

using namespace sagemaker::tests;
using sagemaker::json;

namespace {

using Texts = PythonEndpoint::Texts;

// Handlers that show what they got.
const std::string shows_all =
    "import json\n"
    "def model_fn(model_dir):\n  return open(model_dir + '/word').read()\n"
    "def input_fn(body, content_type):\n  return [type(body).__name__, len(body), content_type]\n"
    "def predict_fn(data, model):\n  return data + [model]\n"
    "def output_fn(prediction, accept):\n  return json.dumps(prediction + [accept])\n";

// A script of one function.
std::string transform(const std::string& body) {
  return "import os, json, time\ndef model_fn(model_dir):\n  return None\n"
         "def transform_fn(model, data, content_type, accept, context):\n" +
         body;
}

}  // namespace

TEST_CASE("the four functions of a script get what the toolkit gives them") {
  PythonEndpoint endpoint(Texts{{"code/inference.py", shows_all}, {"word", "blue"}});
  endpoint.serve();
  CHECK(endpoint.get("/ping").status == 200);
  CHECK(endpoint.get("/ping").body.empty());
  const auto answer = endpoint.post({"[1]"});
  CHECK(answer.status == 200);
  CHECK(answer.get_header_value("Content-Type") == "application/json");
  CHECK(answer.body == R"(["str", 3, "application/json", "blue", "application/json"])");
  CHECK(endpoint.post({"1,2", "text/csv; charset=utf-8", {{"Accept", "*/*"}}}).body ==
        R"(["str", 3, "text/csv; charset=utf-8", "blue", "application/json"])");
  const auto bytes = endpoint.post({std::string("\x00\xff", 2), "image/png", {{"Accept", "text/x, a/b"}}});
  CHECK(bytes.body == R"(["bytes", 2, "image/png", "blue", "text/x, a/b"])");
  CHECK(bytes.get_header_value("Content-Type") == "text/x, a/b");
  const json parameters = json::parse(endpoint.get("/execution-parameters").body);
  CHECK(parameters["MaxConcurrentTransforms"] == 1);
  CHECK(endpoint.get("/invocations").status == 405);
  CHECK(endpoint.get("/models").status == 404);
  endpoint.process->signal(SIGTERM);
  CHECK(endpoint.process->wait() == 0);
}

TEST_CASE("SAGEMAKER_PROGRAM and the default Accept; the functions around the loading; context by arity") {
  PythonEndpoint endpoint({{"code/pkg/other.py",
                            "seen = []\nimport helper\n"
                            "def pre_model_fn(model_dir):\n  seen.append('pre')\n"
                            "def model_fn(model_dir, context):\n  "
                            "seen.append(context.system_properties['model_dir'] == model_dir)\n"
                            "def model_warmup_fn(model_dir, model):\n  seen.append(helper.answer)\n"
                            "def input_fn(body, content_type, context):\n"
                            "  return context.get_request_header(0, 'x-amzn-sagemaker-custom-attributes')\n"
                            "def predict_fn(data, model, context):\n  return data\n"
                            "def output_fn(prediction, accept, context):\n"
                            "  context.set_response_header(0, 'X-Amzn-SageMaker-Custom-Attributes', 'back')\n"
                            "  return '%s %s %s' % (seen, prediction, accept), 'text/plain'\n"},
                           {"code/helper.py", "answer = 42\n"}},
                          {{"SAGEMAKER_PROGRAM", "pkg/other.py"},
                           {"SAGEMAKER_SUBMIT_DIRECTORY", "/opt/ml/model/code"},
                           {"SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", "text/csv"}});
  endpoint.serve();
  const auto answer = endpoint.post({"x", "a/b", {{"X-Amzn-SageMaker-Custom-Attributes", "id=7"}}});
  CHECK(answer.body == "['pre', True, 42] id=7 text/csv");
  CHECK(answer.get_header_value("Content-Type") == "text/plain");
  CHECK(answer.get_header_value("X-Amzn-SageMaker-Custom-Attributes") == "back");
}

TEST_CASE("scripts that cannot be started say why, and end the container") {
  const auto refusal = [](const Texts& files, const Process::Variables& variables = {}) {
    return PythonEndpoint(files, variables).refusal();
  };
  const auto script = [&](const std::string& text) { return refusal(Texts{{"code/inference.py", text}}); };
  CHECK(
      contains(script(shows_all + "def transform_fn(model, data, content_type, accept):\n  return ''\n"),
               "ValueError: Cannot use transform_fn implementation in conjunction with input_fn, predict_fn, "
               "and/or output_fn implementation"));
  const std::string broken = script("def model_fn(model_dir):\n  raise OSError('no weights')\n");
  CHECK(contains(broken, "Traceback (most recent call last)"));
  CHECK(contains(broken, "inference.py\", line 2, in model_fn"));
  CHECK(contains(broken, "The model cannot be loaded: no weights"));
  CHECK(contains(script("import absent_package\n"), "No module named 'absent_package'"));
  CHECK(contains(refusal({{"code/a.py", ""}, {"code/b.py", ""}}, {{"SAGEMAKER_PROGRAM", "c.py"}}),
                 "it holds: a.py, b.py"));
  CHECK(contains(refusal({}, {{"SAGEMAKER_PYTHON_FRAMEWORK", "scikit-learn"}}),
                 "Please provide a model_fn implementation."));
  CHECK(contains(refusal({}, {{"SAGEMAKER_PYTHON_FRAMEWORK", "pytorch"}}),
                 "Exactly one .pth or .pt file is required for PyTorch models: []"));
  CHECK(contains(refusal({}, {{"SAGEMAKER_PYTHON_FRAMEWORK", "tensorflow"}}),
                 "TensorFlow Serving, with input_handler and output_handler, is not implemented"));
  CHECK(contains(refusal({}, {{"SAGEMAKER_INFERENCE_ACCELERATOR_PRESENT", "true"}}),
                 "Elastic Inference is not implemented"));
  CHECK(contains(refusal({}, {{"SAGEMAKER_HANDLER", "service.handle"}}),
                 "SAGEMAKER_HANDLER names a handler service, which is not implemented"));
}

TEST_CASE("errors answer with their message and the traceback, and their own status") {
  PythonEndpoint endpoint(
      {{"code/inference.py",
        transform("  from sagemaker_inference import errors\n"
                  "  if data == 'own': raise errors.GenericInferenceToolkitError(418, 'I am a teapot')\n"
                  "  if data == 'set': context.set_response_status(429, 'slow down'); return 'later'\n"
                  "  if data == 'odd': return object()\n"
                  "  if data == 'memory': raise MemoryError('too large')\n"
                  "  if data == 'exit': raise SystemExit(9)\n"
                  "  if data == 'die': os._exit(3)\n"
                  "  raise KeyError('missing')\n")}});
  endpoint.serve();
  const auto failed = endpoint.post({"x", "text/csv"});
  CHECK(failed.status == 500);
  CHECK(failed.body.starts_with("'missing'\nTraceback (most recent call last):\n"));
  CHECK(contains(failed.body, "code/inference.py\", line 12, in transform_fn"));
  CHECK(contains(failed.body, "KeyError: 'missing'"));
  CHECK(endpoint.post({"own", "text/csv"}).status == 418);
  CHECK(endpoint.post({"own", "text/csv"}).body.starts_with("I am a teapot\n"));
  CHECK(endpoint.post({"set", "text/csv"}).status == 429);
  CHECK(contains(endpoint.post({"odd", "text/csv"}).body, "returned object: bytes, a str"));
  CHECK(endpoint.post({"memory", "text/csv"}).status == 507);
  CHECK(endpoint.post({"\xff", "text/csv"}).status == 400);
  // The process ends, and another one takes its place.
  for (const std::string last : {"die", "exit"}) {
    const auto died = endpoint.post({last, "text/csv"});
    CHECK(died.status == 500);
    CHECK(contains(died.body, "The worker died while it served the request: exit code"));
    CHECK(endpoint.post({"own", "text/csv"}).status == 418);
  }
  CHECK(contains(endpoint.process->output(), "KeyError: 'missing'"));
}

TEST_CASE("a worker that dies while it waits costs no request") {
  PythonEndpoint endpoint(Texts{{"code/inference.py", transform("  return str(os.getpid())\n")}});
  endpoint.serve();
  for (int round = 0; round < 3; ++round) {
    const pid_t worker = std::atoi(endpoint.post({"x", "text/csv"}).body.c_str());
    ::kill(worker, SIGKILL);
    while (::kill(worker, 0) == 0) std::this_thread::yield();
    const auto answer = endpoint.post({"x", "text/csv"});
    CHECK(answer.status == 200);
    CHECK(answer.body != std::to_string(worker));
  }
}

TEST_CASE("a worker that hangs is ended in time, and others go on") {
  PythonEndpoint endpoint(
      {{"code/inference.py", transform("  if data == 'hang': time.sleep(60)\n  return data\n")}},
      {{"SAGEMAKER_MODEL_SERVER_TIMEOUT", "1"}, {"SAGEMAKER_MODEL_SERVER_WORKERS", "2"}});
  endpoint.serve();
  REQUIRE(endpoint.process->wait_for("Ready to serve with 2 workers"));
  auto hanging = std::async(std::launch::async, [&] { return endpoint.post({"hang", "text/csv"}); });
  CHECK(endpoint.post({"on", "text/csv"}).body == "on");
  const auto answer = hanging.get();
  CHECK(answer.status == 500);
  CHECK(contains(answer.body, "did not answer within 1000 ms (SAGEMAKER_MODEL_SERVER_TIMEOUT)"));
  CHECK(endpoint.post({"on", "text/csv"}).body == "on");
}

TEST_CASE("answers that are none cost their own request only") {
  PythonEndpoint endpoint(
      {{"code/inference.py", transform("  import struct\n"
                                       "  class Response:\n"
                                       "    response, mimetype, status = 'made', 'text/plain', '201'\n"
                                       "  if data == 'text': return Response\n"
                                       "  if data == 'garbage':\n"
                                       "    head = json.dumps({'op': 'reply', 'index': 'none'}).encode()\n"
                                       "    os.write(3, struct.pack('<IQ', len(head), 0) + head)\n"
                                       "  return 'good'\n")}},
      {{"SAGEMAKER_MODEL_SERVER_TIMEOUT", "30"}});
  endpoint.serve();
  const auto text = endpoint.post({"text", "text/csv"});  // a status that is a text of digits
  CHECK(text.status == 201);
  CHECK(text.body == "made");
  const auto garbage = endpoint.post({"garbage", "text/csv"});
  CHECK(garbage.status == 500);
  CHECK(contains(garbage.body, "The worker died while it served the request"));
  CHECK(endpoint.post({"more", "text/csv"}).body == "good");
}

TEST_CASE("a generator goes out in pieces, and ends when its client does") {
  PythonEndpoint endpoint(
      {{"code/inference.py", transform("  def pieces():\n"
                                       "    try:\n"
                                       "      for i in range(4):\n"
                                       "        yield 'piece %d\\n' % i\n"
                                       "        if data == 'break' and i == 1: raise ValueError('broken')\n"
                                       "        while data == 'gate' and i == 0 and not os.path.exists("
                                       "os.environ['GATE']): time.sleep(0.005)\n"
                                       "      while data == 'endless': yield b'x' * 1000\n"
                                       "    finally:\n      print('the generator is closed', flush=True)\n"
                                       "  return pieces(), 'text/event-stream'\n")}});
  endpoint.variables["GATE"] = (endpoint.base / "gate").string();
  endpoint.serve();
  const auto whole = endpoint.post({"all", "text/csv"});
  CHECK(whole.body == "piece 0\npiece 1\npiece 2\npiece 3\n");
  CHECK(whole.get_header_value("Content-Type") == "text/event-stream");
  CHECK(whole.get_header_value("Transfer-Encoding") == "chunked");

  // The first piece arrives before the second is made.
  std::string got;
  httplib::Client client = endpoint.client();
  httplib::Request request;
  request.method = "POST";
  request.path = "/invocations";
  request.body = "gate";
  request.set_header("Content-Type", "text/csv");
  request.content_receiver = [&](const char* data, std::size_t size, std::uint64_t, std::uint64_t) {
    got.append(data, size);
    write_text(endpoint.base / "gate", "");
    return true;
  };
  REQUIRE(client.send(request));
  CHECK(got == "piece 0\npiece 1\npiece 2\npiece 3\n");

  httplib::Client other = endpoint.client();
  const auto broken = other.Post("/invocations", "break", "text/csv");
  CHECK_FALSE(broken);  // cut off, so that nobody takes half an answer for all of it

  request.body = "endless";
  request.content_receiver = [](const char*, std::size_t, std::uint64_t, std::uint64_t) { return false; };
  CHECK_FALSE(endpoint.client().send(request));
  CHECK(endpoint.post({"all", "text/csv"}).status == 200);  // the worker is free again
}

TEST_CASE("SIGTERM lets the requests that run end") {
  PythonEndpoint endpoint(
      {{"code/inference.py", transform("  open(os.environ['RUNNING'], 'w').close()\n"
                                       "  while not os.path.exists(os.environ['GATE']): time.sleep(0.005)\n"
                                       "  return 'done'\n")}});
  endpoint.variables["GATE"] = (endpoint.base / "gate").string();
  endpoint.variables["RUNNING"] = (endpoint.base / "running").string();
  endpoint.serve();
  auto answer = std::async(std::launch::async, [&] { return endpoint.post({"x", "text/csv"}); });
  while (!std::filesystem::exists(endpoint.base / "running")) std::this_thread::yield();
  endpoint.process->signal(SIGTERM);
  while (endpoint.get("/ping").status != 503) std::this_thread::yield();
  CHECK(endpoint.post({"more", "text/csv"}).status == 503);
  write_text(endpoint.base / "gate", "");
  CHECK(answer.get().body == "done");
  CHECK(endpoint.process->wait() == 0);
}

TEST_CASE("a TorchScript model without a script becomes the prebuilt server's, where there is one") {
  PythonEndpoint endpoint(Texts{{"net.pt", "weights"}});
  const std::filesystem::path programs = endpoint.base / "programs";
  std::filesystem::create_directories(programs);
  std::filesystem::copy_file(PYTHON_IMAGE_PROGRAM, programs / "sagemaker-python-image");
  write_text(programs / "sagemaker-torchscript-server",
             "#!/bin/sh\necho \"prebuilt $1 $SAGEMAKER_BASE_DIR\"\n");
  std::filesystem::permissions(programs / "sagemaker-torchscript-server", std::filesystem::perms::owner_all);
  const auto said = [&](const Process::Variables& more) {
    Process::Variables variables = endpoint.variables;
    for (const auto& [name, value] : more) variables[name] = value;
    Process process({(programs / "sagemaker-python-image").string(), "serve"}, variables,
                    endpoint.base / "log");
    process.wait();
    return process.output();
  };
  CHECK(contains(said({}), "prebuilt serve " + (endpoint.base / "ml").string()));
  write_text(endpoint.base.path() / "ml/model/code/inference.py", "raise ValueError('the script is used')\n");
  CHECK(contains(said({}), "the script is used"));
}

TEST_CASE("what batch transform is asked to send is within the script's limits and those of the service") {
  const auto asked = [](const Texts& variables) {
    PythonEndpoint endpoint(Texts{{"code/inference.py", transform("  return str(len(data))\n")}}, variables);
    endpoint.serve();
    if (variables.count("SAGEMAKER_BATCH") != 0)
      CHECK(endpoint.post({std::string(101 << 20, 'x'), "a/b"}).body == std::to_string(101 << 20));
    return json::parse(endpoint.get("/execution-parameters").body);
  };
  CHECK(asked({{"SAGEMAKER_TS_BATCH_SIZE", "64"}}) ==
        json{{"MaxConcurrentTransforms", 16}, {"BatchStrategy", "MULTI_RECORD"}, {"MaxPayloadInMB", 6}});
  CHECK(asked({{"SAGEMAKER_MAX_PAYLOAD_IN_MB", "2"}})["MaxPayloadInMB"] == 2);
  // MaxPayloadInMB 0 streams whole objects.
  CHECK(asked({{"SAGEMAKER_BATCH", "true"}, {"SAGEMAKER_MAX_PAYLOAD_IN_MB", "0"}})["MaxPayloadInMB"] == 6);
}

TEST_CASE("bodies: chunked ones are taken, too large ones are refused") {
  PythonEndpoint endpoint(Texts{{"code/inference.py", transform("  return str(len(data))\n")}},
                          {{"SAGEMAKER_MAX_PAYLOAD_IN_MB", "1"}});
  endpoint.serve();
  CHECK(endpoint.post({std::string(1 << 20, 'x'), "a/b"}).body == "1048576");
  CHECK(endpoint.post({std::string((1 << 20) + 1, 'x'), "a/b"}).status == 413);
  httplib::Client client = endpoint.client();
  const auto chunked = client.Post(
      "/invocations", {},
      [](std::size_t offset, httplib::DataSink& sink) {
        if (offset >= 300'000)
          sink.done();
        else
          sink.write(std::string(1000, 'y').data(), 1000);
        return true;
      },
      "a/b");
  REQUIRE(chunked);
  CHECK(chunked->body == "300000");
}
