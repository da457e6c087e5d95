"""Serves the model: GET /predict?x=0.5 answers {"y": 3.5} or so."""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlparse

import numpy

WEIGHTS = numpy.load(sys.argv[1])["weights"]


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        url = urlparse(self.path)
        try:
            x = float(parse_qs(url.query)["x"][0])
        except (KeyError, ValueError):
            self.send_error(400, "x must be a number")
            return
        if url.path != "/predict":
            self.send_error(404)
            return
        body = json.dumps({"y": float(WEIGHTS[0] * x + WEIGHTS[1])}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Handler).serve_forever()
