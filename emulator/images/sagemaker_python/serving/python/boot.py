"""Started with -c. The other modules and the settings come as the first frame over descriptor 3, a socket."""
import json, linecache, os, socket, struct, sys, types  # noqa: E401


def start():
    os.set_inheritable(3, False)
    connection = socket.socket(fileno=3)

    def exactly(size):
        data = b""
        while len(data) < size:
            piece = connection.recv(size - len(data))
            if not piece:
                os._exit(0)
            data += piece
        return data

    head_size, body_size = struct.unpack("<IQ", exactly(12))
    head, body = json.loads(exactly(head_size)), exactly(body_size)
    package = types.ModuleType("sagemaker_local_serving")
    package.__path__ = []
    sys.modules[package.__name__] = package
    begin = 0
    for name, size in head["modules"]:
        source = body[begin : begin + size].decode()
        begin += size
        module = types.ModuleType(package.__name__ + "." + name)
        module.__package__ = package.__name__
        file = "sagemaker_local_serving/" + name + ".py"
        linecache.cache[file] = (size, None, source.splitlines(True), file)
        sys.modules[module.__name__] = module
        setattr(package, name, module)
        exec(compile(source, file, "exec"), module.__dict__)
    sys.argv = ["sagemaker_local_serving"]
    package.worker.main(connection, head["settings"])


start()
