"""An aggregated API: a group of kinds whose server is another one than the API server, and may be away.

    api = AggregatedApi(plane, group="away.t1.example.org")    # Widgets, served
    api.away(); api.back()

The server behind it is the plane itself: what is asked for in the group `away...` is kept as a custom resource of `real...`.
"""

from parts.kube import TOKENS, simple_crd
from parts.process import wait_for
from parts.proxy import FaultProxy, faults

DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


class AggregatedApi(FaultProxy):
    def __init__(self, plane, name, folder):
        super().__init__(plane.port, folder)
        self.plane = plane
        self.group, self.real = f"away.{name}.example.org", f"real.{name}.example.org"
        self.address = "apiregistration.k8s.io/v1", "APIService", None, f"v1.{self.group}"
        plane.admin.create_crd(simple_crd(self.real, "Widget", "widgets"))
        self.service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "default"},
                        "spec": {"type": "ExternalName", "externalName": "localhost", "ports": [{"port": self.port}]}}
        plane.admin.create(self.service)
        self.kicks = 0

    def register(self):
        spec = {"group": self.group, "version": "v1", "groupPriorityMinimum": 100, "versionPriority": 10,
                "insecureSkipTLSVerify": True,
                "service": {"name": self.service["metadata"]["name"], "namespace": "default", "port": self.port}}
        self.plane.admin.create({"apiVersion": self.address[0], "kind": "APIService", "metadata": {"name": self.address[3]},
                                 "spec": spec})

    def widget(self, namespace, name, **spec):
        return {"apiVersion": f"{self.group}/v1", "kind": "Widget", "metadata": {"name": name, "namespace": namespace},
                "spec": spec or {"size": 1}}

    def get(self, namespace, name):
        return self.plane.admin.get(f"{self.real}/v1", "Widget", namespace, name)

    def away(self):
        self.add(faults.drop())
        self.cut_all()
        self.wait("away", "False", "Stale")

    def back(self):
        self.clear()
        self.wait("back", "True", "Current")

    def wait(self, what, available, freshness):
        def said():
            # The API server looks each half a minute, and when somebody touches the registration.
            self.kicks += 1
            self.plane.admin.patch(*self.address, {"metadata": {"annotations": {"kick": str(self.kicks)}}})
            status = self.plane.admin.get(*self.address).get("status", {})
            groups = self.plane.admin.request("GET", "/apis", accept=DISCOVERY)["items"]
            versions = [version for group in groups if group["metadata"]["name"] == self.group for version in group["versions"]]
            return (any(c["type"] == "Available" and c["status"] == available for c in status.get("conditions", []))
                    and [version["freshness"] for version in versions] == [freshness])

        wait_for(f"the API server says that {self.group} is {what}", said, 60, 0.3)

    def remove(self):
        self.clear()
        if self.plane.admin.get(*self.address):
            self.plane.admin.delete(*self.address)
        self.plane.admin.delete("v1", "Service", "default", self.service["metadata"]["name"])
        self.close()

    def _pick(self, method, path):
        """Its own /apis would be the plane's, with this very group in it: as an older server, it is asked for the group."""
        fault = super()._pick(method, path)
        return faults.status(404) if not fault and path.split("?")[0] in ("/apis", "/api") else fault

    def _relay(self, sock, upstream, method, path, headers, body, fault):
        def turned(data, there):
            pair = (self.group.encode(), self.real.encode())
            return data.replace(*(pair if there else pair[::-1]))

        kept = {name: value for name, value in headers.items()
                if name.lower() not in ("host", "connection", "accept-encoding", "content-length")
                and not name.lower().startswith("x-remote-")}
        kept["Authorization"] = f"Bearer {TOKENS['admin']}"
        upstream.request(method, turned(path.encode(), True).decode(), body and turned(body, True), kept)
        answer = upstream.getresponse()
        head = [f"HTTP/1.1 {answer.status} {answer.reason}", "Transfer-Encoding: chunked",
                f"Content-Type: {answer.getheader('Content-Type', 'text/plain')}"]
        sock.sendall("\r\n".join(head).encode() + b"\r\n\r\n")
        for line in answer if "watch=true" in path else [answer.read()]:
            if line:
                line = turned(line, False)
                sock.sendall(f"{len(line):x}\r\n".encode() + line + b"\r\n")
        answer.close()
        sock.sendall(b"0\r\n\r\n")
        return True
