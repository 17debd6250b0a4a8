"""A generator whose styles steer each convolution (Karras et al. 2019; 2020, StyleGAN2). The critic is a residual one.

Modulation scales the input channels of a shared convolution and demodulation its output channels: the same values as
weights made for every sample (Karras et al. 2020, eqs. 1 to 3), in one plain convolution that exports.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reverie.nets.blocks import as_channels_last
from reverie.nets.conv import level_widths, pyramid
from reverie.nets.growing import enlarged, whole_and_part
from reverie.nets.start import LEAK, LEAKY_GAIN, started

MAPPING_DEPTH = 2
MAPPING_PACE = 0.1  # how fast the mapping learns beside the rest (Karras et al. 2019, appendix C, where it is 0.01)
SMALLEST = 4  # pixels of the coarsest level's longer side
MEAN_PACE = 0.005  # share of each batch in the running mean of w


class ModulatedConv(nn.Module):
    """A convolution whose input channels a style scales (Karras et al. 2020, eq. 1), and whose output is divided by the
    standard deviation that it would have for independent unit inputs (eq. 3).

    Args:
        num_in: channels in.
        num_out: channels out.
        kernel: 1 or 3.
        w_dim: width of the style.
        demodulate: divide, so that styles change directions and not magnitudes.
        gain: of the output's scale.
    """

    def __init__(
        self, num_in: int, num_out: int, *, kernel: int, w_dim: int, demodulate: bool = True, gain: float = 1.0
    ) -> None:
        super().__init__()
        self.conv = started(nn.Conv2d(num_in, num_out, kernel, padding=kernel // 2, bias=False))
        self.style = started(nn.Linear(w_dim, num_in))
        nn.init.ones_(self.style.bias)
        self.demodulate, self.gain = demodulate, gain

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """(n, num_in, h, w), (n, w_dim) -> (n, num_out, h, w)."""
        s = self.style(w)
        if not self.demodulate:
            s = self.gain * s
        y = self.conv(x * s[:, :, None, None].to(x.dtype))
        if not self.demodulate:
            return y
        energy = F.linear(s.square(), self.conv.weight.square().sum((2, 3)))
        return y * (self.gain * torch.rsqrt(energy + 1e-8))[:, :, None, None].to(y.dtype)


class StyleLayer(nn.Module):
    """A modulated convolution, then (where the resolution rises) bilinear doubling, noise, bias and a leaky ReLU.

    Args:
        num_in: channels in.
        num_out: channels out.
        w_dim: width of the style.
        size: (height, width) out.
    """

    def __init__(self, num_in: int, num_out: int, *, w_dim: int, size: tuple[int, int]) -> None:
        super().__init__()
        self.size = size
        self.conv = ModulatedConv(num_in, num_out, kernel=3, w_dim=w_dim, gain=LEAKY_GAIN)
        self.strength = nn.Parameter(torch.zeros(()))
        self.bias = nn.Parameter(torch.zeros(num_out))

    def forward(self, x: Tensor, w: Tensor, noise: Tensor | None) -> Tensor:
        """(n, num_in, h', w'), (n, w_dim), (n, 1, *size) -> (n, num_out, *size)."""
        x = self.conv(x, w)
        if x.shape[2:] != self.size:
            x = F.interpolate(x, size=self.size, mode="bilinear", align_corners=False)
        x = x + self.bias.to(x.dtype)[:, None, None]
        if noise is not None:
            x = x + (self.strength * noise).to(x.dtype)
        return F.leaky_relu(x, LEAK)


class ToImage(nn.Module):
    """A modulated 1 x 1 convolution, depth-to-space and a 3 x 3 over its seams: features to an image of twice their
    size, cropped to `size` (see `residual_gan.ImageOut` for why).

    Args:
        num_in: channels of the features.
        channels: of the image.
        w_dim: width of the style.
        size: (height, width) out.
        gain: of the output's scale.
    """

    def __init__(self, num_in: int, channels: int, *, w_dim: int, size: tuple[int, int], gain: float) -> None:
        super().__init__()
        self.size = size
        few = max(4, num_in // 4)
        self.conv = ModulatedConv(num_in, 4 * few, kernel=1, w_dim=w_dim, demodulate=False, gain=LEAKY_GAIN)
        with torch.no_grad():  # all four sub-pixels start alike: no checkerboard at the start (Aitken et al. 2017)
            first = self.conv.conv.weight[::4].clone()
            self.conv.conv.weight.copy_(first.repeat_interleave(4, dim=0))
        self.seams = started(nn.Conv2d(few, channels, 3, padding=1), gain)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """(n, num_in, h, w), (n, w_dim) -> (n, channels, *size)."""
        fine = F.pixel_shuffle(self.conv(x, w), 2)[:, :, : self.size[0], : self.size[1]]
        return self.seams(F.leaky_relu(fine, LEAK))


class StyleGenerator(nn.Module):
    """Latents to styles w, and styles to images that are summed up from coarse to fine, each twice its level's size.

    Args:
        num_in: latent width.
        shape: (channels, height, width) of the output, 8 to 256 pixels a side.
        width: channels at half resolution; they double at each coarser level, up to 256.
        depth: layers at the coarsest level; each finer one has one more, which raises the resolution.
        num_classes: width of the one-hot label; 0 for none.
        grow: take a `level` (Karras et al. 2018).
        w_dim: width of w.

    Attributes:
        num_levels: of resolution, from the coarsest; 1 when the net does not grow.
        num_layers: layers that may each get a style of their own.
        noise_shapes: (height, width) of each layer's noise.
        w_mean: (w_dim,), the running mean of w in training, towards which truncation pulls.

    Example:
        >>> net = StyleGenerator(num_in=4, shape=(1, 28, 20), width=4, depth=1)
        >>> net.noise_shapes, net(torch.zeros(2, 4)).shape
        ([(4, 3), (7, 5), (7, 5), (14, 10), (14, 10)], torch.Size([2, 1, 28, 20]))
    """

    w_mean: Tensor

    def __init__(
        self,
        *,
        num_in: int,
        shape: tuple[int, int, int],
        width: int,
        depth: int,
        num_classes: int = 0,
        grow: bool = False,
        w_dim: int = 128,
    ) -> None:
        super().__init__()
        self.latent_dim, self.shape, self.num_classes, self.w_dim = num_in, shape, num_classes, w_dim
        self.sizes = pyramid(shape[1], shape[2], smallest=SMALLEST)[::-1]
        self.num_levels = len(self.sizes) - 1 if grow else 1
        self.embed = started(nn.Linear(num_classes, num_in, bias=False)) if num_classes else None
        widths = [num_in * (2 if num_classes else 1), *[w_dim] * MAPPING_DEPTH]
        self.map = nn.ModuleList(
            started(nn.Linear(before, after), LEAKY_GAIN / MAPPING_PACE)
            for before, after in zip(widths, widths[1:], strict=False)
        )
        self.register_buffer("w_mean", torch.zeros(w_dim))
        self._build_synthesis(width, depth)

    def _build_synthesis(self, width: int, depth: int) -> None:
        widths = level_widths(width, len(self.sizes) - 1)[::-1]
        self.start = nn.Parameter(torch.randn(widths[0], *self.sizes[0]))
        self.levels, self.to_image = nn.ModuleList(), nn.ModuleList()
        self.noise_shapes: list[tuple[int, int]] = []
        gain = 1 / math.sqrt(2 * len(widths))  # styles start with a second moment of two, and each level adds an image
        for index, (after, size) in enumerate(zip(widths, self.sizes, strict=False)):
            before = widths[max(0, index - 1)]
            inputs = ([before] if index else []) + [after] * depth
            self.levels.append(nn.ModuleList(StyleLayer(n, after, w_dim=self.w_dim, size=size) for n in inputs))
            self.noise_shapes += [size] * len(inputs)
            self.to_image.append(ToImage(after, self.shape[0], w_dim=self.w_dim, size=self.sizes[index + 1], gain=gain))
        self.num_layers = len(self.noise_shapes)

    def mapping(self, z: Tensor, one_hot: Tensor | None = None) -> Tensor:
        """Normalised latents (n, num_in) and labels (n, num_classes) to styles w (n, w_dim), in fp32."""
        w = F.normalize(z, dim=1) * math.sqrt(self.latent_dim)
        if self.embed is not None:
            label = z.new_zeros(z.shape[0], self.num_classes) if one_hot is None else one_hot.to(z.dtype)
            w = torch.cat([w, F.normalize(self.embed(label).to(w.dtype), dim=1) * math.sqrt(self.latent_dim)], dim=1)
        for layer in self.map:
            w = F.leaky_relu(MAPPING_PACE * layer(w), LEAK)
        w = w.to(z.dtype)
        if self.training:
            with torch.no_grad():
                self.w_mean.lerp_(w.mean(0).to(self.w_mean.dtype), MEAN_PACE)
        return w

    def synthesise(self, w: Tensor, noise: list[Tensor] | None = None, *, level: float | None = None) -> Tensor:
        """Images of styles.

        Args:
            w: (n, w_dim), or (n, num_layers, w_dim) for a style a layer.
            noise: (n, 1, height, width) for each of `noise_shapes`; None for no noise.
            level: in [1, num_levels]; None for the full resolution.
        Returns:
            (n, *shape), unbounded.
        """
        whole, part = whole_and_part(level if self.num_levels > 1 else None, len(self.levels))
        x = as_channels_last(self.start.expand(w.shape[0], -1, -1, -1))
        styles = w.unbind(1) if w.dim() == 3 else [w] * self.num_layers
        given = noise if noise is not None else [None] * self.num_layers
        layers, image = iter(zip(styles, given, strict=True)), None
        for index in range(whole + (1 if part else 0)):
            style = styles[0]
            for layer in self.levels[index]:  # pyright: ignore[reportGeneralTypeIssues]  (a ModuleList)
                style, layer_noise = next(layers)
                x = layer(x, style, layer_noise)
            finer, size = self.to_image[index](x, style), self.sizes[index + 1]
            if image is not None:
                finer = finer + F.interpolate(image, size=size, mode="bilinear", align_corners=False)
                if index == whole:
                    finer = torch.lerp(enlarged(image, [size]), finer, part)
            image = finer
        return enlarged(image, self.sizes[whole + (2 if part else 1) :])  # pyright: ignore[reportArgumentType]

    def forward(
        self,
        z: Tensor,
        one_hot: Tensor | None = None,
        *,
        level: float | None = None,
        noise: list[Tensor] | None = None,
    ) -> Tensor:
        """(n, num_in), (n, num_classes) -> (n, *shape), unbounded."""
        return self.synthesise(self.mapping(z, one_hot), noise, level=level)
