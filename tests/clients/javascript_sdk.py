"""Starts an emulator for javascript/javascript_sdk.test.js, the test of the AWS SDK for JavaScript v3.

The SDK is installed in the versions of javascript/package.json into the folder SAGEMAKER_TEST_NODE_PACKAGES, once.
"""

import os
import shutil
import subprocess
import sys

import sagemaker_local

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "javascript")
NODE = sagemaker_local.tool("node", "Debian: nodejs")

CONTAINER = """#!/usr/bin/env python3
import http.server, os, sys
if sys.argv[1:] == ["train"]:
    print("saw " + open("/opt/ml/input/data/training/part.csv").read().strip(), flush=True)
    open("/opt/ml/model/weights", "w").write("weights")
    sys.exit(0)
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *args): pass
    def reply(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", self.headers.get("Accept", "text/plain"))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self): self.reply(200, b"")
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if body == b"fail": return self.reply(500, b"not today")
        if body == b"stream":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for word in (b"one ", b"two ", b"three"): self.wfile.write(b"%x\\r\\n%s\\r\\n" % (len(word), word))
            return self.wfile.write(b"0\\r\\n\\r\\n")
        self.reply(200, b"echo " + body)
address = os.environ["SAGEMAKER_BIND_TO_HOST"], int(os.environ["SAGEMAKER_BIND_TO_PORT"])
http.server.ThreadingHTTPServer(address, Handler).serve_forever()
"""


def install(folder):
    """Nothing where exactly these versions are there already."""
    wanted = sagemaker_local.read(os.path.join(HERE, "package.json"))
    done = os.path.join(folder, "installed.json")
    if os.path.exists(done) and sagemaker_local.read(done) == wanted:
        return
    npm = sagemaker_local.tool("npm", "Debian: npm")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    with open(os.path.join(folder, "package.json"), "wb") as file:
        file.write(wanted)
    command = [npm, "install", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error", "--fetch-retries=1"]
    try:
        installed = subprocess.run(command, cwd=folder, timeout=180, capture_output=True, text=True)
    except subprocess.TimeoutExpired:
        sagemaker_local.skip("the SDK for JavaScript could not be installed: npm does not end")
    if installed.returncode != 0:
        lines = installed.stderr.strip().splitlines() or [f"npm exits with {installed.returncode}"]
        sagemaker_local.skip("the SDK for JavaScript could not be installed: " + lines[0])
    with open(done, "wb") as file:
        file.write(wanted)


def main():
    folder = os.environ["SAGEMAKER_TEST_NODE_PACKAGES"]
    install(folder)
    # Packages are found above the file that imports them, so the test runs as a copy beside them.
    test = shutil.copy(os.path.join(HERE, "javascript_sdk.test.js"), folder)
    emulator = sagemaker_local.LocalEmulator()
    try:
        container = emulator.program("container", CONTAINER)
        environment = emulator.client_environment(TEST_PROGRAM=container, NODE_NO_WARNINGS="1")
        return subprocess.run([NODE, test], cwd=folder, env=environment, timeout=240).returncode
    finally:
        emulator.stop()


if __name__ == "__main__":
    sys.exit(main())
