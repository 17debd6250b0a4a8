"""Inception-v3 as TF-Slim trained it on ImageNet in 2015, the net behind published Frechet distances (FID).

Szegedy et al. 2016, figures 5 to 7. It differs from later editions in three details: means over windows leave the
border's padding out, the last block pools maxima, and there are 1,008 classes. Layers have the names under which its
weights are passed around as tensors, `pt_inception-2015-12-05`: "Mixed_5b.branch5x5_1.conv.weight".
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SIDE_PX, FEATURES, CLASSES = 299, 2048, 1008


class Unit(nn.Module):
    """A convolution without bias, normalised by stored statistics, and a ReLU.

    Args:
        num_in: channels.
        num_out: channels.
        kernel: (height, width).
        stride: of the convolution.
        padding: (height, width).
    """

    def __init__(
        self, num_in: int, num_out: int, kernel: tuple[int, int], stride: int = 1, padding: tuple[int, int] = (0, 0)
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(num_in, num_out, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(num_out, eps=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        """(n, num_in, h, w) -> (n, num_out, h', w')."""
        return F.relu(self.bn(self.conv(x)))


def square(num_in: int, num_out: int, side: int = 1, stride: int = 1, padding: int = 0) -> Unit:
    """A unit with a square kernel."""
    return Unit(num_in, num_out, (side, side), stride, (padding, padding))


def row(num_in: int, num_out: int, width: int) -> Unit:
    """A kernel of one row that keeps the size."""
    return Unit(num_in, num_out, (1, width), padding=(0, width // 2))


def column(num_in: int, num_out: int, height: int) -> Unit:
    """A kernel of one column that keeps the size."""
    return Unit(num_in, num_out, (height, 1), padding=(height // 2, 0))


def near_mean(x: Tensor) -> Tensor:
    """Means over 3 x 3 windows, of what lies inside the picture."""
    return F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)


class BlockA(nn.Module):
    """Figure 5: kernels up to 5 x 5, as two of 3 x 3.

    Args:
        num_in: channels.
        pooled: channels of the branch that pools; 224 come from the others.
    """

    def __init__(self, num_in: int, pooled: int) -> None:
        super().__init__()
        self.branch1x1 = square(num_in, 64)
        self.branch5x5_1, self.branch5x5_2 = square(num_in, 48), square(48, 64, 5, padding=2)
        self.branch3x3dbl_1, self.branch3x3dbl_2 = square(num_in, 64), square(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = square(96, 96, 3, padding=1)
        self.branch_pool = square(num_in, pooled)

    def forward(self, x: Tensor) -> Tensor:
        """(n, num_in, h, w) -> (n, 224 + pooled, h, w)."""
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        parts = [self.branch1x1(x), self.branch5x5_2(self.branch5x5_1(x)), double, self.branch_pool(near_mean(x))]
        return torch.cat(parts, 1)


class BlockB(nn.Module):
    """Halves the resolution: 288 channels to 768."""

    def __init__(self) -> None:
        super().__init__()
        self.branch3x3 = square(288, 384, 3, stride=2)
        self.branch3x3dbl_1, self.branch3x3dbl_2 = square(288, 64), square(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = square(96, 96, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        """(n, 288, h, w) -> (n, 768, h', w')."""
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch3x3(x), double, F.max_pool2d(x, 3, stride=2)], 1)


class BlockC(nn.Module):
    """Figure 6: kernels of 7 x 7 taken apart into rows and columns.

    Args:
        width: channels within the long branches.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.branch1x1, self.branch_pool = square(768, 192), square(768, 192)
        self.branch7x7_1, self.branch7x7_2 = square(768, width), row(width, width, 7)
        self.branch7x7_3 = column(width, 192, 7)
        self.branch7x7dbl_1, self.branch7x7dbl_2 = square(768, width), column(width, width, 7)
        self.branch7x7dbl_3, self.branch7x7dbl_4 = row(width, width, 7), column(width, width, 7)
        self.branch7x7dbl_5 = row(width, 192, 7)

    def forward(self, x: Tensor) -> Tensor:
        """(n, 768, h, w) -> (n, 768, h, w)."""
        single = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x)))
        double = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        double = self.branch7x7dbl_5(self.branch7x7dbl_4(double))
        return torch.cat([self.branch1x1(x), single, double, self.branch_pool(near_mean(x))], 1)


class BlockD(nn.Module):
    """Halves the resolution: 768 channels to 1,280."""

    def __init__(self) -> None:
        super().__init__()
        self.branch3x3_1, self.branch3x3_2 = square(768, 192), square(192, 320, 3, stride=2)
        self.branch7x7x3_1, self.branch7x7x3_2 = square(768, 192), row(192, 192, 7)
        self.branch7x7x3_3, self.branch7x7x3_4 = column(192, 192, 7), square(192, 192, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        """(n, 768, h, w) -> (n, 1280, h', w')."""
        long = self.branch7x7x3_4(self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(x))))
        return torch.cat([self.branch3x3_2(self.branch3x3_1(x)), long, F.max_pool2d(x, 3, stride=2)], 1)


class BlockE(nn.Module):
    """Figure 7: branches that fork.

    Args:
        num_in: channels.
        maxima: pool maxima in place of means, as the last block of this edition does.
    """

    def __init__(self, num_in: int, *, maxima: bool) -> None:
        super().__init__()
        self.branch1x1, self.branch_pool = square(num_in, 320), square(num_in, 192)
        self.branch3x3_1, self.branch3x3_2a, self.branch3x3_2b = (
            square(num_in, 384),
            row(384, 384, 3),
            column(384, 384, 3),
        )
        self.branch3x3dbl_1, self.branch3x3dbl_2 = square(num_in, 448), square(448, 384, 3, padding=1)
        self.branch3x3dbl_3a, self.branch3x3dbl_3b = row(384, 384, 3), column(384, 384, 3)
        self.maxima = maxima

    def forward(self, x: Tensor) -> Tensor:
        """(n, num_in, h, w) -> (n, 2048, h, w)."""
        single, double = self.branch3x3_1(x), self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        pooled = F.max_pool2d(x, 3, stride=1, padding=1) if self.maxima else near_mean(x)
        parts = [self.branch1x1(x), self.branch3x3_2a(single), self.branch3x3_2b(single)]
        parts += [self.branch3x3dbl_3a(double), self.branch3x3dbl_3b(double), self.branch_pool(pooled)]
        return torch.cat(parts, 1)


class Inception(nn.Module):
    """The net up to its last pooling, and the linear classifier that distances do not use.

    Example:
        >>> sum(p.numel() for p in Inception().parameters())
        23850960
    """

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3, self.Conv2d_2a_3x3 = square(3, 32, 3, stride=2), square(32, 32, 3)
        self.Conv2d_2b_3x3, self.Conv2d_3b_1x1 = square(32, 64, 3, padding=1), square(64, 80)
        self.Conv2d_4a_3x3 = square(80, 192, 3)
        self.Mixed_5b, self.Mixed_5c, self.Mixed_5d = BlockA(192, 32), BlockA(256, 64), BlockA(288, 64)
        self.Mixed_6a, self.Mixed_6b, self.Mixed_6c = BlockB(), BlockC(128), BlockC(160)
        self.Mixed_6d, self.Mixed_6e = BlockC(160), BlockC(192)
        self.Mixed_7a, self.Mixed_7b, self.Mixed_7c = BlockD(), BlockE(1280, maxima=False), BlockE(2048, maxima=True)
        self.fc = nn.Linear(FEATURES, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """(n, 3, 299, 299), levels 0 to 255 as (level - 128) / 128 -> (n, 2048)."""
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(F.max_pool2d(x, 3, stride=2)))
        x = self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(F.max_pool2d(x, 3, stride=2))))
        x = self.Mixed_6e(self.Mixed_6d(self.Mixed_6c(self.Mixed_6b(self.Mixed_6a(x)))))
        return self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(x))).mean((2, 3))
