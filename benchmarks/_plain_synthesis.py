"""Plain textbook loops of the synthesizers: autograd, ``torch.optim.Adam``, modules of ``torch.nn`` and hooks.

They start from the same numbers and take the same random draws as the engine's, so that both make the same images up to
rounding; a test compares them. What they do not have is what the engine does for speed: fused affine layers with
moments, transposed convolutions, closed gradients of priors, memory layouts.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.datafree.generation.contrast import LAYERS, Contrast
from engine.datafree.generation.generators import start_size
from engine.datafree.images.pixels import Descent, Move
from engine.datafree.images.targets import relative_distance, spread_for
from engine.datafree.images.views import Seen, SynthesisView
from engine.models.build import build
from engine.models.graph import Graph

TEMPERATURE = 3.0
BETAS = (0.5, 0.999)


class StatisticsHook:
    """Distance of a BatchNorm layer's input from its running statistics, kept at every pass."""

    def __init__(self, module: nn.Module) -> None:
        self.distance = torch.zeros(())
        module.register_forward_hook(self._look)

    def _look(self, module: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        x = inputs[0]
        mean = x.mean([0, 2, 3])
        variance = x.permute(1, 0, 2, 3).contiguous().view(x.shape[1], -1).var(1, unbiased=False)
        self.distance = torch.norm(mean - module.running_mean) + torch.norm(variance - module.running_var)


class PlainTeacher:
    """The teacher as a plain module with hooks.

    Args:
        graph: its declaration.
        weights: its weights and buffers by name.
        freezes: whether its weights are told to take no gradient, which many published loops forget.
    """

    def __init__(self, graph: Graph, weights: dict[str, Tensor], *, freezes: bool = True) -> None:
        self.module = build(graph)
        self.module.load_state_dict(weights)
        self.module.eval().requires_grad_(not freezes)
        norms = [module for module in self.module.modules() if hasattr(module, "running_mean")]
        self.hooks = [StatisticsHook(module) for module in norms]

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and features."""
        return self.module.forward_with_features(x)

    def statistics(self) -> Tensor:
        """Sum of all layers' distances at the last pass."""
        return torch.stack([hook.distance for hook in self.hooks]).sum()


class PlainPixels:
    """DeepInversion, its adaptive form and Dream Distillation as everybody writes them."""

    def __init__(self, synthesizer: Any, teacher: PlainTeacher) -> None:
        self.synthesizer, self.teacher = synthesizer, teacher

    def begin(self, view: SynthesisView) -> None:
        """Start a batch."""
        self.view, self.labels = view, view.batch_labels(self.synthesizer.batch_size)
        start = self.synthesizer.begin(view, view.batch, {})
        self.targets = start.get("targets")
        self.inputs = start["pixels"].clone().contiguous().requires_grad_()
        self.optimizer = torch.optim.Adam([self.inputs], lr=self.synthesizer.lr)

    def advance(self, first: int, count: int) -> None:
        """Some steps."""
        of = self.synthesizer
        for step in range(first, first + count):
            move = Move.drawn(self.view.draw("jitter", step), Descent(of.lr, of.jitter, of.flip, of.tv, of.l2))
            seen = torch.roll(self.inputs, (move.down, move.right), dims=(2, 3))
            if move.is_mirrored:
                seen = torch.flip(seen, (3,))
            loss = self._loss(seen) + of.tv * _variation(self.inputs)
            loss = loss + of.l2 * self.inputs.flatten(1).norm(dim=1).mean()
            self.optimizer.zero_grad()
            torch.autograd.backward(loss)
            self.optimizer.step()
            with torch.no_grad():
                limits = self.view.teacher
                self.inputs.data = torch.max(torch.min(self.inputs, limits.high), limits.low)

    def _loss(self, seen: Tensor) -> Tensor:
        of = self.synthesizer
        loss: Tensor
        logits, features = self.teacher.forward(seen)
        if of.kind == "dream_distillation":
            spread = spread_for(self.view)
            assert self.targets is not None
            return relative_distance(self.view, spread.layer, Seen(logits, features, []), self.targets)
        loss = of.cross_entropy * functional.cross_entropy(logits, self.labels)
        loss = loss + of.batch_norm * self.teacher.statistics()
        if of.kind == "adaptive_deep_inversion":
            assert self.view.student is not None
            loss = loss + of.competition * (1.0 - _divergence(logits, self.view.student(seen)))
        return loss

    def finish(self) -> tuple[Tensor, Tensor]:
        """Images and labels."""
        return self.inputs.detach(), self.labels


class PlainGenerator:
    """DAFL, adversarial synthesis, CMI and FastDFKD with modules and optimizers of torch."""

    def __init__(self, synthesizer: Any, teacher: PlainTeacher) -> None:
        self.synthesizer, self.teacher = synthesizer, teacher
        self.network: nn.Sequential | None = None
        self.memory: Tensor | None = None

    def begin(self, view: SynthesisView) -> None:
        """Start a batch: with the generator as it is, with a copy of it, or with a new one."""
        of, self.view = self.synthesizer, view
        start = of.begin(view, view.batch, {})
        self.labels = view.batch_labels(of.batch_size)
        if self.network is None or of.kind == "cmi":
            self.network = _network(of.generator, view, start["generator"])
            self.optimizer = torch.optim.Adam(self.network.parameters(), lr=of.lr, betas=BETAS)
        if of.kind == "fast_dfkd":
            self.meta = [parameter.detach().clone() for parameter in self.network.parameters()]
            self.optimizer = torch.optim.Adam(self.network.parameters(), lr=of.lr, betas=BETAS)
        if of.kind in ("cmi", "fast_dfkd"):
            self.codes = start["codes"].clone().requires_grad_()
            self.code_optimizer = torch.optim.Adam([self.codes], lr=of.code_lr, betas=BETAS)
        if of.kind == "cmi" and self.memory is None:
            self.memory = start["memory"]
            self.head = nn.ParameterList([nn.Parameter(start[name].clone()) for name in LAYERS])
            self.head_optimizer = torch.optim.Adam(self.head.parameters(), lr=of.lr, betas=BETAS)

    def advance(self, first: int, count: int) -> None:
        """Some steps."""
        of = self.synthesizer
        assert self.network is not None
        optimizers = [self.optimizer]
        if of.kind in ("cmi", "fast_dfkd"):
            optimizers.append(self.code_optimizer)
        if of.kind == "cmi":
            optimizers.append(self.head_optimizer)
        for step in range(first, first + count):
            loss = self._loss(self._images(step), step)
            for optimizer in optimizers:
                optimizer.zero_grad()
            torch.autograd.backward(loss)
            for optimizer in optimizers:
                optimizer.step()

    def _images(self, step: int) -> Tensor:
        of, limits = self.synthesizer, self.view.teacher
        assert self.network is not None
        is_fitted = of.kind in ("cmi", "fast_dfkd")
        codes = self.codes if is_fitted else self.view.normal((of.batch_size, of.generator.latent_size), "codes", step)
        images: Tensor = self.network(codes)
        if of.generator.output == "standardized":
            return torch.max(torch.min(images, limits.high), limits.low)
        return limits.low + (limits.high - limits.low) * images

    def _loss(self, images: Tensor, step: int) -> Tensor:
        of = self.synthesizer
        loss: Tensor
        logits, features = self.teacher.forward(images)
        if of.kind == "dafl":
            decided = functional.cross_entropy(logits, logits.argmax(1))
            loss = of.one_hot * decided - of.activation * features.abs().mean() + of.balance * _negentropy(logits)
            return loss
        student = self._student(images, logits)
        if of.kind == "adversarial":
            loss = -of.adversarial * student
            if of.batch_norm:
                loss = loss + of.batch_norm * self.teacher.statistics()
            loss = loss + of.balance * _negentropy(logits)
            return loss
        loss = of.one_hot * functional.cross_entropy(logits, self.labels) - of.adversarial * student
        loss = loss + of.batch_norm * self.teacher.statistics()
        if of.kind == "cmi":
            loss = loss + of.contrastive * self._contrast(images, features, step)
        return loss

    def _student(self, images: Tensor, logits: Tensor) -> Tensor:
        """KL(T || S); of CMI and FastDFKD where both decide alike, over the whole batch."""
        assert self.view.student is not None
        theirs = self.view.student(images)
        p, q = functional.softmax(logits, dim=1), functional.softmax(theirs, dim=1)
        divergences = (p * (p.log() - q.log())).sum(1)
        if self.synthesizer.kind != "adversarial":
            divergences = divergences * (logits.argmax(1) == theirs.argmax(1))
        return divergences.mean()

    def _contrast(self, images: Tensor, features: Tensor, step: int) -> Tensor:
        assert self.memory is not None
        cut = Contrast(self.view, {}, self.memory, 1.0).cut(images, step)
        _, others = self.teacher.forward(cut)
        first, second, third = (self._projected(each) for each in (features, others, self.memory))
        similar = first @ torch.cat([second, third]).T / self.synthesizer.temperature
        return functional.cross_entropy(similar, torch.arange(len(images)))

    def _projected(self, features: Tensor) -> Tensor:
        hidden = functional.relu(functional.linear(features, self.head[0]))
        return functional.normalize(functional.linear(hidden, self.head[1]), dim=1)

    @torch.no_grad()
    def finish(self) -> tuple[Tensor, Tensor]:
        """Images and labels; the generator, its copy and the memory learn what they keep."""
        of = self.synthesizer
        assert self.network is not None
        images = self._images(of.steps).detach()
        if of.kind == "fast_dfkd":
            for parameter, meta in zip(self.network.parameters(), self.meta, strict=True):
                parameter.copy_(meta + of.meta_rate * (parameter - meta))
        if of.kind == "cmi":
            assert self.memory is not None
            self.memory = torch.cat([self.memory, self.teacher.forward(images)[1]])[-of.memory_size :]
        is_fitted = of.kind in ("cmi", "fast_dfkd")
        return images, self.labels if is_fitted else self.teacher.forward(images)[0].argmax(1)


def _network(settings: Any, view: SynthesisView, flat: Tensor) -> nn.Sequential:
    """The generator from torch's own layers, which form the doubled maps, with the given weights."""
    (channels, rows, columns), wide = view.sample.shape, 2 * settings.channels
    height, width = start_size(view.sample)
    middle = (-(-rows // 2), -(-columns // 2))
    ends = [nn.Sigmoid()] if settings.output == "sigmoid" else [nn.Tanh(), nn.BatchNorm2d(channels, affine=False)]
    layers = nn.Sequential(
        nn.Linear(settings.latent_size, wide * height * width), nn.Unflatten(1, (wide, height, width)),
        nn.BatchNorm2d(wide), nn.Upsample(middle), nn.Conv2d(wide, wide, 3, padding=1),
        nn.BatchNorm2d(wide), nn.LeakyReLU(0.2), nn.Upsample((rows, columns)),
        nn.Conv2d(wide, settings.channels, 3, padding=1), nn.BatchNorm2d(settings.channels), nn.LeakyReLU(0.2),
        nn.Conv2d(settings.channels, channels, 3, padding=1), *ends,
    )  # fmt: skip
    torch.nn.utils.vector_to_parameters(flat.clone(), layers.parameters())
    return layers


def _variation(x: Tensor) -> Tensor:
    differences = (
        x[..., :-1] - x[..., 1:],
        x[..., :-1, :] - x[..., 1:, :],
        x[..., :-1, :-1] - x[..., 1:, 1:],
        x[..., 1:, :-1] - x[..., :-1, 1:],
    )
    return torch.stack([difference.flatten(1).norm(dim=1) for difference in differences]).sum(0).mean()


def _negentropy(logits: Tensor) -> Tensor:
    mean = functional.softmax(logits, dim=1).mean(0)
    return (mean * mean.log()).sum()


def _divergence(logits: Tensor, others: Tensor) -> Tensor:
    """Jensen-Shannon divergence over log 2."""
    p, q = (functional.softmax(z / TEMPERATURE, dim=1) for z in (logits, others))
    middle = 0.5 * (p + q)
    halves = (p * (p / middle).log()).sum(1).mean() + (q * (q / middle).log()).sum(1).mean()
    return 0.5 * halves / torch.log(torch.tensor(2.0))
