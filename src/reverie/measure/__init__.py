"""Numbers about trained models: each with its error, the number of images behind it, and its unit.

One file per metric under `metrics/`; here are the parts they share. What is not here: probes taken during training
(callables that `api` passes to the loop) and pictures. Nothing in this package knows a family; importing it does not
import torch.
"""

from reverie.measure.evaluation import measure
from reverie.measure.extractor import extractor_names
from reverie.measure.metric import Comparison, Items, Metric, Setting, get_metric, metric_names
from reverie.measure.value import Value, format_table, format_value, to_json_dict

__all__ = [
    "Comparison",
    "Items",
    "Metric",
    "Setting",
    "Value",
    "extractor_names",
    "format_table",
    "format_value",
    "get_metric",
    "measure",
    "metric_names",
    "to_json_dict",
]
