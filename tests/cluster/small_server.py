"""`python -m tests.cluster.small_server PORT`: a server that speaks just enough of OpenAI's routes to be a runtime."""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MODEL = "small"
ANSWER = "Here I am."


class Handler(BaseHTTPRequestHandler):
    """Lists one model, which always says the same; has a log of one entry."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/v1/models":
            self._say({"object": "list", "data": [{"id": MODEL, "object": "model"}]})
        elif self.path.startswith("/v0/logs"):
            self._say({"entries": [{"message": "all is well"}]})
        else:
            self._say({"error": {"message": "no such route"}}, status=404)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        choice = {"index": 0, "message": {"role": "assistant", "content": ANSWER}, "finish_reason": "stop"}
        self._say({"id": "1", "object": "chat.completion", "created": 1, "model": MODEL, "choices": [choice]})

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing."""

    def _say(self, document: object, *, status: int = 200) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    ThreadingHTTPServer(("", int(sys.argv[1])), Handler).serve_forever()
