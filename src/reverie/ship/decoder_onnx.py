"""A model's decoder as an ONNX file, which a web page, a phone or any other runtime can evaluate without Python.

Weights may be stored in half precision, for a small download; arithmetic is in float32 either way. What happens around
the decoder (drawing latents, laying out pictures) is the runtime's. How a run becomes a model is `reverie.api.using`.
"""

import copy
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from reverie.core.capability import Decodes
from reverie.core.errors import UsageError
from reverie.core.run import atomic_write, explained

OPSET = 18  # every runtime of these years reads it; nothing in a decoder needs more
_MOST_BYTES = 2**31 - 1  # of one protocol buffer
_FEWEST_HALVED = 64  # values: a shorter tensor is not worth a cast
_CHATTY = ("torch.onnx", "torch.export", "onnxscript", "onnx_ir")


class _Decoder(nn.Module):
    """`decode` as a forward pass, with everything that does not depend on latents or labels settled."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = copy.deepcopy(model).to("cpu", torch.float32).eval().requires_grad_(False)
        for module in self.model.modules():
            for name, value in list(module._buffers.items()):
                if value is not None and value.ndim == 0:  # an exporter cannot branch on a buffer, as growing nets do
                    del module._buffers[name]
                    module.__dict__[name] = value

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """(n, latent_dim), (n,) -> (n, c, h, w)."""
        return self.model.decode(latents, labels=labels)  # pyright: ignore[reportCallIssue]


def export_decoder(model: object, path: Path, *, half: bool = False, name: str = "this model") -> dict[str, Any]:
    """Writes what `Decodes.decode` computes as ONNX, whole or not at all.

    Inputs are `latents`, float32 (n, latent_dim), and for a conditional model `labels`, int64 (n,); the output is
    `images`, float32 (n, c, h, w) in [-1, 1] (points: in their own unit). n is open. A generator's noise is left out,
    as in `decode`, so that the file is a function.

    Args:
        model: has Decodes, and is an nn.Module.
        path: the file.
        half: store weights as float16; they are cast to float32 when the file is loaded.
        name: what messages call the model.
    Returns:
        {"file", "bytes", "sha256", "latent_dim", "num_classes", "shape": (c, h, w), "stored", "computed", "opset"}
    Raises:
        UsageError: the model does not decode, cannot be exported, or the packages that write ONNX are missing.
        RunError: the file cannot be written.
    """
    if not isinstance(model, Decodes):
        raise UsageError(f"export needs Decodes; {name!r} has no latents to decode. Name another run.")
    if not isinstance(model, nn.Module):
        raise UsageError(f"export: {name!r} is not a torch module. Name a run of Reverie.")
    onnx = _onnx()
    num_classes = int(getattr(model, "num_classes", 0))
    decoder = _Decoder(model)
    latents = torch.linspace(-1, 1, 2 * model.latent_dim).reshape(2, -1)  # not 1: an exporter would take it for fixed
    inputs = (latents, torch.zeros(2, dtype=torch.long)) if num_classes else (latents,)
    graph = _plain(_traced(decoder, inputs, name), onnx)
    if half:
        _halve(graph, onnx)
    content = graph.SerializeToString()
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, content)
    return {
        "file": path.name,
        "bytes": len(content),
        "sha256": sha256(content).hexdigest(),
        "latent_dim": model.latent_dim,
        "num_classes": num_classes,
        "shape": tuple(decoder(*inputs).shape[1:]),
        "stored": "float16" if half else "float32",
        "computed": "float32",
        "opset": OPSET,
    }


def can_export() -> str | None:
    """None where the packages that write ONNX are installed, else a sentence."""
    try:
        _onnx()
    except UsageError as error:
        return str(error)
    return None


def _onnx() -> Any:
    try:
        import onnx
        import onnxscript  # noqa: F401  (torch's exporter writes with it)
    except ImportError:
        raise UsageError("export: ONNX files need two more packages. Run `pip install 'reverie[studio]'`.") from None
    return onnx


def _traced(decoder: nn.Module, inputs: tuple[Tensor, ...], name: str) -> Any:
    """The graph, with a name for the open dimension."""
    size = torch.export.Dim("n", min=1)
    try:
        with _quiet():
            program = torch.onnx.export(
                decoder.eval(),
                inputs,
                dynamo=True,
                input_names=["latents", "labels"][: len(inputs)],
                output_names=["images"],
                dynamic_shapes=tuple({0: size} for _ in inputs),
                opset_version=OPSET,
                verbose=False,
            )
    except Exception as error:  # the exporter has no error of its own for "this model is not for me"
        raise UsageError(
            f"export: {name!r} cannot be written as ONNX ({type(error).__name__}). Decode it with `reverie sample`."
        ) from None
    if program is None:
        raise UsageError(f"export: {name!r} cannot be written as ONNX. Decode it with `reverie sample`.")
    graph = program.model_proto
    if graph.ByteSize() > _MOST_BYTES:
        raise UsageError(f"export: {name!r} is too large for one ONNX file. Train a smaller one.")
    if not graph.graph.input[0].type.tensor_type.shape.dim[0].dim_param:
        raise UsageError(f"export: {name!r} decodes only so many latents at once. Use len-free shapes in its nets.")
    return graph


@contextmanager
def _quiet() -> Iterator[None]:
    """The exporter's remarks on itself, to users and to warnings, are held back."""
    loggers = [logging.getLogger(name) for name in _CHATTY]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _plain(graph: Any, onnx: Any) -> Any:
    """The graph without notes on where it came from: they hold paths of this machine, and are longer than a net."""
    for part in (graph, graph.graph, *graph.graph.node, *graph.graph.input, *graph.graph.output):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    for tensor in graph.graph.initializer:
        tensor.ClearField("metadata_props")
        tensor.ClearField("doc_string")
    del graph.graph.value_info[:]
    graph.producer_name, graph.producer_version = "reverie", ""
    graph.graph.name = "decoder"
    onnx.checker.check_model(graph)
    return graph


def _halve(graph: Any, onnx: Any) -> None:
    """Stores float32 weights as float16, and casts them back where the graph begins; in place.

    A weight beyond float16's range stays as it is. Runtimes fold the casts when they load the file.
    """
    casts: list[Any] = []
    for tensor in graph.graph.initializer:
        if tensor.data_type != onnx.TensorProto.FLOAT:
            continue
        values = onnx.numpy_helper.to_array(tensor)
        short = torch.from_numpy(values.copy()).half()
        if values.size < _FEWEST_HALVED or not bool(torch.isfinite(short).all()):
            continue
        name = tensor.name
        tensor.CopyFrom(onnx.numpy_helper.from_array(short.numpy(), f"{name}_half"))
        casts.append(onnx.helper.make_node("Cast", [f"{name}_half"], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *graph.graph.node]
    del graph.graph.node[:]
    graph.graph.node.extend(nodes)
    onnx.checker.check_model(graph)
