"""A PyTorch script as people write them: two spirals, a data loader with workers of its own, printed numbers."""

import argparse

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.01)
parser.add_argument("--width", type=int, default=32)
parser.add_argument("--epochs", type=int, default=10)
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
torch.manual_seed(args.seed)
torch.set_num_threads(1)


def spirals(n: int) -> TensorDataset:
    angle = 3 * torch.rand(n)
    label = torch.randint(0, 2, (n,))
    turned = angle * 2 + label * torch.pi
    points = torch.stack([angle * turned.cos(), angle * turned.sin()], dim=1)
    return TensorDataset(points + 0.05 * torch.randn(n, 2), label)


train = DataLoader(spirals(512), batch_size=32, shuffle=True, num_workers=2, persistent_workers=True)
x, y = spirals(256).tensors
model = nn.Sequential(
    nn.Linear(2, args.width), nn.ReLU(), nn.Linear(args.width, args.width), nn.ReLU(), nn.Linear(args.width, 2)
)
optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)
loss_of = nn.CrossEntropyLoss()
for epoch in range(args.epochs):
    for inputs, labels in train:
        optimizer.zero_grad()
        loss = loss_of(model(inputs), labels)
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch + 1}")
    print(f"train_loss: {loss.item()}")
    print(f"accuracy: {(model(x).argmax(1) == y).float().mean().item()}")
