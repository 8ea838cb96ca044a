"""A real Patroni cluster that an operator's object names: ConfigMaps as its store, TLS, addresses that Endpoints take.

The first member reaches the API server by a wire of its own, which a test can cut. There is no controller: Endpoints have the address of
each member, whoever leads, as they do of Pods that go on being labelled as master.

    cluster = OperatedPatroni(crds, crds.namespace("operated")).start()
    cluster.wire.cut(); cluster.wire.mend()
"""

import json

from parts.git import Certificates
from parts.patroni import Member, Patroni
from parts.patroni_etcd import Wire
from parts.process import own_address


class OperatedMember(Member):
    def config(self):
        found = super().config()
        server = found["postgresql"]
        server["listen"] = f"127.0.0.1,{own_address()}:{self.port}"
        server["pg_hba"].append("hostssl all all all scram-sha-256")
        server["parameters"] |= {"ssl": "on", "ssl_cert_file": str(self.folder / "server.crt"), "ssl_key_file": str(self.folder / "server.key")}
        return found

    def prepare(self):
        super().prepare()
        certificates = self.cluster.certificates
        for source, name in ((certificates.cert, "server.crt"), (certificates.key, "server.key")):
            path = self.folder / name
            path.write_bytes(source.read_bytes())
            path.chmod(0o600)
            self.cluster.own(path)

    def environment(self):
        return super().environment() | ({"KUBECONFIG": str(self.cluster.kubeconfig_by_wire())} if self.index == 0 else {})


class OperatedPatroni(Patroni):
    def __init__(self, plane, namespace, **more):
        self.wire = Wire(plane.port)
        super().__init__(plane, namespace, endpoints=False, **more)
        self.certificates = Certificates(self.folder / "certificates", "postgres")
        self.first = self.members[f"{self.name}-0"]

    def member(self, index):
        return OperatedMember(self, index)

    def kubeconfig_by_wire(self):
        path = self.folder / "kubeconfig-by-wire"
        config = json.loads((self.folder / "kubeconfig").read_text())
        config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{self.wire.port}"
        path.write_text(json.dumps(config))
        path.chmod(0o600)
        self.own(path)
        return path

    def ask(self):
        self._make("acid.zalan.do/v1", "postgresql", self.name, spec={
            "teamId": "acid", "numberOfInstances": len(self.members), "volume": {"size": "1Gi"}, "postgresql": {"version": "17"}})

    @property
    def secret(self):
        return f"postgres.{self.name}.credentials.postgresql.acid.zalan.do"

    def subsets(self):
        return [{"addresses": [{"ip": own_address(), "targetRef": {"kind": "Pod", "name": member.name}}],
                 "ports": [{"name": "postgresql", "port": member.port}]} for member in self.members.values()]

    def begin(self):
        self.ask()
        self._make("v1", "Secret", self.secret, stringData={"username": "postgres", "password": self.password})
        self._make("v1", "Endpoints", self.name, subsets=self.subsets())
        return super().begin()

    def _make(self, api_version, kind, name, **fields):
        self.plane.admin.create({"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": self.namespace}} | fields)

    def close(self):
        super().close()
        wire, self.wire = self.wire, None  # closed by the test, and at the end of the process
        if wire:
            wire.close()
