"""torchvision's ImageNet networks in plain torch.nn: same layers, same names of parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn


class AlexNet(nn.Module):
    """Krizhevsky 2014."""

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        pool = nn.MaxPool2d(3, 2)
        self.features = nn.Sequential(
            *(nn.Conv2d(3, 64, 11, 4, 2), nn.ReLU(), pool),
            *(nn.Conv2d(64, 192, 5, 1, 2), nn.ReLU(), pool),
            *(nn.Conv2d(192, 384, 3, 1, 1), nn.ReLU()),
            *(nn.Conv2d(384, 256, 3, 1, 1), nn.ReLU()),
            *(nn.Conv2d(256, 256, 3, 1, 1), nn.ReLU(), pool),
        )
        self.classifier = nn.Sequential(
            *(nn.Dropout(), nn.Linear(9216, 4096), nn.ReLU()),
            *(nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(), nn.Linear(4096, classes)),
        )

    def forward(self, x: Any) -> Any:
        return self.classifier(self.features(x).flatten(1))


class VGG16(nn.Module):
    """Simonyan and Zisserman 2015, configuration D."""

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        width = 3
        for repeats, maps in ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)):
            for _ in range(repeats):
                layers += [nn.Conv2d(width, maps, 3, padding=1), nn.ReLU()]
                width = maps
            layers.append(nn.MaxPool2d(2, 2))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            *(nn.Linear(25088, 4096), nn.ReLU(), nn.Dropout()),
            *(nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(), nn.Linear(4096, classes)),
        )

    def forward(self, x: Any) -> Any:
        return self.classifier(self.features(x).flatten(1))


class Residual(nn.Module):
    """A residual block of some convolutions (maps, window, stride), each with its batch norm."""

    def __init__(self, width: int, plan: list[tuple[int, int, int]]) -> None:
        super().__init__()
        self.depth, inner, stride = len(plan), width, 1
        for number, (maps, size, step) in enumerate(plan, 1):
            conv = nn.Conv2d(inner, maps, size, step, size // 2, bias=False)
            self.add_module(f"conv{number}", conv)
            self.add_module(f"bn{number}", nn.BatchNorm2d(maps))
            inner, stride = maps, stride * step
        self.downsample = None
        if stride != 1 or inner != width:
            conv = nn.Conv2d(width, inner, 1, stride, bias=False)
            self.downsample = nn.Sequential(conv, nn.BatchNorm2d(inner))
        self.act = nn.ReLU()

    def forward(self, x: Any) -> Any:
        inner = x
        for number in range(1, self.depth + 1):
            inner = getattr(self, f"bn{number}")(getattr(self, f"conv{number}")(inner))
            inner = self.act(inner) if number < self.depth else inner
        return self.act(inner + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    """He et al. 2016; the stride of a bottleneck is in its 3x3 convolution."""

    def __init__(self, repeats: tuple[int, ...], bottleneck: bool, classes: int = 1000) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1, self.relu, self.maxpool = nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)
        width = 64
        for stage, count in enumerate(repeats, 1):
            maps, blocks = 64 * 2 ** (stage - 1), []
            for number in range(count):
                stride = 2 if stage > 1 and number == 0 else 1
                plan = [(maps, 3, stride), (maps, 3, 1)]
                if bottleneck:
                    plan = [(maps, 1, 1), (maps, 3, stride), (4 * maps, 1, 1)]
                blocks.append(Residual(width, plan))
                width = plan[-1][0]
            self.add_module(f"layer{stage}", nn.Sequential(*blocks))
        self.avgpool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(width, classes)

    def forward(self, x: Any) -> Any:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(self.avgpool(x).flatten(1))


def _conv_norm(width: int, maps: int, size: int, stride: int, groups: int = 1) -> nn.Sequential:
    conv = nn.Conv2d(width, maps, size, stride, size // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(maps), nn.ReLU6())


class Inverted(nn.Module):
    """MobileNetV2's block: widen, filter each map alone, narrow."""

    def __init__(self, width: int, maps: int, stride: int, expand: int) -> None:
        super().__init__()
        wide = width * expand
        self.residual = stride == 1 and width == maps
        self.conv = nn.Sequential(
            *([_conv_norm(width, wide, 1, 1)] if expand != 1 else []),
            _conv_norm(wide, wide, 3, stride, wide),
            nn.Conv2d(wide, maps, 1, bias=False),
            nn.BatchNorm2d(maps),
        )

    def forward(self, x: Any) -> Any:
        return x + self.conv(x) if self.residual else self.conv(x)


class MobileNetV2(nn.Module):
    """Sandler et al. 2018."""

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        blocks: list[nn.Module] = [_conv_norm(3, 32, 3, 2)]
        width = 32
        for expand, maps, count, step in (
            *((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2)),
            *((6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)),
        ):
            for number in range(count):
                blocks.append(Inverted(width, maps, step if number == 0 else 1, expand))
                width = maps
        self.features = nn.Sequential(*blocks, _conv_norm(width, 1280, 1, 1))
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(1280, classes))

    def forward(self, x: Any) -> Any:
        return self.classifier(self.features(x).mean((2, 3)))


NETS: dict[str, Callable[[], nn.Module]] = {
    "alexnet": AlexNet,
    "vgg16": VGG16,
    "resnet18": lambda: ResNet((2, 2, 2, 2), False),
    "resnet50": lambda: ResNet((3, 4, 6, 3), True),
    "mobilenet_v2": MobileNetV2,
}


def build(name: str, *, seed: int = 0) -> nn.Module:
    """Return a network in inference mode.

    Weights are He's, and batch norms have statistics away from 0 and 1, so that an error shows.
    """
    torch.manual_seed(seed)
    net = NETS[name]()
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight)
            if module.bias is not None:
                nn.init.uniform_(module.bias, -0.1, 0.1)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.0)
            nn.init.uniform_(module.bias, -0.2, 0.2)
            nn.init.uniform_(module.running_mean, -0.2, 0.2)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
    return net.eval()
