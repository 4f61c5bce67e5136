"""The tools we are compared with: where they come from and what exactly they are."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from mapmedic.source.toolchain import GoToolchain

PANICPARSE = "github.com/maruel/panicparse/v2/cmd/pp@v2.5.0"
GOREF = "github.com/cloudwego/goref/cmd/grf@latest"
VIEWCORE = "golang.org/x/debug/cmd/viewcore@latest"
_FOLDER = Path(__file__).resolve().parents[1] / ".cache" / "bench"
_INSTALL_SECONDS = 180


@dataclass(frozen=True, slots=True)
class Peer:
    """A program and, in words, its version and how it was built."""

    path: Path
    built: str


def pprof(go: GoToolchain) -> Peer:
    """Return the pprof that ``go tool pprof`` runs; since Go 1.25 the go command builds it when first asked."""
    _run(go, "tool", "pprof", "-h", check=False)
    path = Path(_run(go, "tool", "-n", "pprof").split()[0])
    # It is built from the Go tree itself: `go version -m` names no module.
    modules = Path(_run(go, "env", "GOROOT").strip(), "src", "cmd", "go.mod")
    version = re.search(r"github.com/google/pprof (v\S+)", modules.read_text()) if modules.is_file() else None
    name = f"go tool pprof (github.com/google/pprof {version[1] if version else 'of unknown version'})"
    return Peer(path, f"{name}, {_build_of(go, path)}")


def panicparse(go: GoToolchain) -> Peer | str:
    """Return panicparse's ``pp``, built from source through the module proxy; in words, why it cannot be had."""
    return _installed(go, PANICPARSE)


def goref(go: GoToolchain) -> Peer | str:
    """Return goref's ``grf``: the one on the PATH, else built through the module proxy; in words, why there is none."""
    return _installed(go, GOREF)


def viewcore(go: GoToolchain) -> Peer | str:
    """Return ``viewcore``: the one on the PATH, else built through the module proxy; in words, why there is none."""
    return _installed(go, VIEWCORE)


def _installed(go: GoToolchain, what: str) -> Peer | str:
    name = Path(what.partition("@")[0]).name
    found = shutil.which(name)
    path = Path(found) if found else _FOLDER / name
    if not path.exists():
        _FOLDER.mkdir(parents=True, exist_ok=True)
        environment = {**go.environment, "GOBIN": str(_FOLDER)}
        environment["GOPROXY"] = os.environ.get("GOPROXY", "")
        try:
            subprocess.run(
                [str(go.path), "install", what], env=environment, check=True, capture_output=True, text=True,
                timeout=_INSTALL_SECONDS,
            )  # fmt: skip
        except subprocess.CalledProcessError as error:
            said = error.stderr.strip().splitlines()
            return f"{what} could not be built here: {said[-1].strip() if said else error}"
        except (subprocess.SubprocessError, OSError) as error:
            return f"{what} could not be built here: {error}"
    return Peer(path, f"{what}, {_build_of(go, path)}")


def _build_of(go: GoToolchain, path: Path) -> str:
    """Return what ``go version -m`` says: the Go that built it and the settings that may cost speed."""
    said = _run(go, "version", "-m", str(path))
    settings = re.findall(r"build\s+((?:-gcflags|-race|GOAMD64|CGO_ENABLED)=\S*)", said)
    compiler = re.search(r": (go\S+)", said)
    return f"built by {compiler[1] if compiler else 'an unknown Go'} with {' '.join(settings) or 'defaults'}"


def _run(go: GoToolchain, *words: str, check: bool = True) -> str:
    done = subprocess.run(
        [str(go.path), *words],
        env=go.environment,
        check=check,
        capture_output=True,
        text=True,
        timeout=_INSTALL_SECONDS,
    )
    return done.stdout
