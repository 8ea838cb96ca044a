"""A real Chromium, headless, spoken to over its debugging pipe: no port, no driver, nothing but the package chromium."""

import json
import os
import select
import shutil
import subprocess
import tempfile
import time

FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
         "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage", "--disable-extensions",
         "--no-default-browser-check", "--remote-debugging-pipe"]


class Browser:
    """One process, one page. `requests`, `problems`: what it asked for and what it complained about."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="pgitops-chromium-")
        to_browser, self.write = os.pipe()
        self.read, from_browser = os.pipe()
        # The pipe's ends are descriptors 3 and 4, by the protocol; a shell puts them there.
        command = f'exec "$@" 3<&{to_browser} 4>&{from_browser}'
        self.process = subprocess.Popen(
            ["bash", "-c", command, "chromium", "chromium", *FLAGS, f"--user-data-dir={self.folder}", "about:blank"],
            pass_fds=(to_browser, from_browser), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_browser)
        os.close(from_browser)
        self.last, self.rest, self.session = 0, b"", None
        self.requests, self.problems = [], []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.write)
        os.close(self.read)
        shutil.rmtree(self.folder, ignore_errors=True)

    def message(self, seconds):
        """The next message, or None when there is none within `seconds`."""
        end = time.monotonic() + seconds
        while b"\0" not in self.rest:
            if not select.select([self.read], [], [], max(0, end - time.monotonic()))[0]:
                return None
            more = os.read(self.read, 1 << 20)
            assert more, "Chromium ended"
            self.rest += more
        text, self.rest = self.rest.split(b"\0", 1)
        return json.loads(text)

    def note(self, message):
        method, params = message.get("method"), message.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.problems.append(details.get("exception", {}).get("description") or details["text"])
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.problems.append(f'{params["entry"]["text"]} {params["entry"].get("url", "")}')

    def call(self, method, **params):
        self.last += 1
        message = {"id": self.last, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.message(60)
            assert answer, f"no answer to {method}"
            if answer.get("id") == self.last:
                assert "error" not in answer, answer
                return answer["result"]
            self.note(answer)

    def run(self, script):
        """The value of a JavaScript expression, a promise's too."""
        result = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True, userGesture=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def wait(self, script, seconds=30):
        end = time.monotonic() + seconds
        while not (value := self.run(script)):
            if time.monotonic() > end:
                raise TimeoutError(f"{script}\n{self.text()}")
            time.sleep(0.05)
        return value

    def open(self, url):
        self.call("Page.navigate", url="about:blank")
        self.call("Page.navigate", url=url)
        self.wait("document.readyState === 'complete' && !document.querySelector('.loading')")

    def size(self, width, height):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def colours(self, scheme):
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def text(self):
        return self.run("document.body ? document.body.innerText : ''")

    def wait_text(self, text):
        self.wait(f"document.body && document.body.innerText.includes({json.dumps(text)})")

    def click(self, text, within="body"):
        """The visible button or link with this text."""
        self.wait(f"""(() => {{
            const all = [...document.querySelectorAll({json.dumps(within)} + ' button, ' + {json.dumps(within)} + ' a')];
            const found = all.find((node) => node.textContent.trim() === {json.dumps(text)} && node.checkVisibility());
            if (found) found.click();
            return Boolean(found);
        }})()""")

    def type(self, selector, text):
        self.wait(f"(() => {{ const node = document.querySelector({json.dumps(selector)}); if (node) node.focus(); "
                  "return document.activeElement === node && Boolean(node); })()")
        self.call("Input.insertText", text=text)
