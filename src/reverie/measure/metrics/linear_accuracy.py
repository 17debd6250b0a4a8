"""What a linear map reads from codes."""

from typing import ClassVar, final

from torch import Tensor

from reverie.measure.coded import Coded, Labelled
from reverie.measure.label_metric import LabelMetric
from reverie.measure.linear_probe import Ridge


@final
class LinearAccuracy(LabelMetric):
    """Accuracy of ridge regression on one-hot labels in closed form, its penalty found by generalised cross-validation
    on the training images; nothing is tuned on the measured ones."""

    name: ClassVar[str] = "linear_accuracy"
    summary: ClassVar[str] = "Share of images whose label a linear map reads rightly from their codes."

    def guesses(self, codes: Coded, known: Labelled) -> Tensor:
        """By the largest output."""
        return Ridge.fit(codes.train, known.train_labels, num_classes=known.num_classes).classes(codes.unseen)


METRIC = LinearAccuracy()
