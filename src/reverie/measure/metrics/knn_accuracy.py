"""What a code's nearest neighbours say of its label."""

from typing import ClassVar, final

from torch import Tensor

from reverie.measure.coded import Coded, Labelled
from reverie.measure.label_metric import LabelMetric
from reverie.measure.linear_probe import knn_classes


@final
class KnnAccuracy(LabelMetric):
    """Accuracy of the weighted vote of the 20 nearest training images by cosine (Wu et al. 2018, section 3.4)."""

    name: ClassVar[str] = "knn_accuracy"
    summary: ClassVar[str] = "Share of images whose label their nearest neighbours by code name rightly."

    def guesses(self, codes: Coded, known: Labelled) -> Tensor:
        """By vote."""
        return knn_classes(codes.train, known.train_labels, codes.unseen, num_classes=known.num_classes)


METRIC = KnnAccuracy()
