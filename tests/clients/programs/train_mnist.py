"""Trains a small network on MNIST, as a script that AWS's PyTorch container runs: hyperparameters as arguments, data
and model in the folders that SM_CHANNEL_TRAINING and SM_MODEL_DIR name.
"""

import argparse
import gzip
import os
import struct

import torch


def images_and_labels(folder, prefix):
    """The pixels of each image as a row between 0 and 1, and its digit."""
    with gzip.open(os.path.join(folder, prefix + "-images-idx3-ubyte.gz")) as file:
        _, count, rows, columns = struct.unpack(">4I", file.read(16))
        pixels = torch.frombuffer(bytearray(file.read()), dtype=torch.uint8)
    with gzip.open(os.path.join(folder, prefix + "-labels-idx1-ubyte.gz")) as file:
        file.read(8)
        labels = torch.frombuffer(bytearray(file.read()), dtype=torch.uint8)
    return pixels.reshape(count, rows * columns).float() / 255, labels.long()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--learning-rate", type=float, default=0.1)
    parser.add_argument("--batch-size", type=int, default=64)
    arguments, _ = parser.parse_known_args()

    data = os.environ["SM_CHANNEL_TRAINING"]
    images, labels = images_and_labels(data, "train")
    test_images, test_labels = images_and_labels(data, "t10k")
    torch.manual_seed(1)
    torch.set_num_threads(1)  # so small a network gains nothing from more, and loses much on a busy machine
    net = torch.nn.Sequential(torch.nn.Linear(784, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10))
    optimizer = torch.optim.SGD(net.parameters(), lr=arguments.learning_rate)
    for epoch in range(1, arguments.epochs + 1):
        total = 0.0
        for rows in torch.randperm(len(images)).split(arguments.batch_size):
            loss = torch.nn.functional.cross_entropy(net(images[rows]), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(rows)
        with torch.no_grad():
            right = (net(test_images).argmax(dim=1) == test_labels).float().mean().item()
        print(f"epoch={epoch} train:loss={total / len(images):.4f} test:accuracy={right:.4f};", flush=True)
    torch.save(net.state_dict(), os.path.join(os.environ["SM_MODEL_DIR"], "model.pth"))


if __name__ == "__main__":
    main()
