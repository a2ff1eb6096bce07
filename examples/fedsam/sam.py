"""Segment Anything from Hugging Face: built, trained with box prompts, measured."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

import numpy as np
import torch
from torch import nn
from transformers import SamConfig, SamModel

TINY = "tiny"


def build_sam(checkpoint: str, seed: int = 0) -> SamModel:
    """The model of a checkpoint's name (``facebook/sam-vit-base``), or a tiny one, untrained.

    Of a checkpoint the picture and prompt encoders stay as they are and the mask decoder is
    trained, which is how SAM is fine-tuned; of the tiny model everything is.
    """
    if checkpoint == TINY:
        torch.manual_seed(seed)
        return SamModel(_tiny_config())
    model: SamModel = SamModel.from_pretrained(checkpoint, use_safetensors=True)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name.startswith("mask_decoder"))
    return model


def sides(model: SamModel) -> tuple[int, int]:
    """Pixels of the square that the model sees, and of the one that it answers."""
    vision = model.config.vision_config
    return vision.image_size, 4 * vision.image_size // vision.patch_size


def get_weights(model: nn.Module) -> list[np.ndarray]:
    """All entries of the state, in its order, as Flower clients commonly send them."""
    return [value.cpu().numpy() for value in model.state_dict().values()]


def set_weights(model: nn.Module, parameters: list[np.ndarray]) -> None:
    """The inverse of `get_weights`."""
    names = model.state_dict().keys()
    state = OrderedDict((n, torch.tensor(p)) for n, p in zip(names, parameters, strict=True))
    model.load_state_dict(state, strict=True)


def dice_and_cross_entropy(logits: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """Dice loss plus binary cross-entropy; both shaped (batch, height, width)."""
    cross = nn.functional.binary_cross_entropy_with_logits(logits, masks)
    chance = torch.sigmoid(logits)
    shared = (chance * masks).sum(dim=(1, 2))
    dice = 1 - (2 * shared + 1) / (chance.sum(dim=(1, 2)) + masks.sum(dim=(1, 2)) + 1)
    return cross + dice.mean()


def train(model: SamModel, batches: Iterable[dict[str, torch.Tensor]], rate: float) -> float:
    """One pass; the mean loss."""
    model.train()
    learned = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(learned, lr=rate)
    losses = []
    for batch in batches:
        loss = dice_and_cross_entropy(_logits(model, batch), batch["mask"][:, 0])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return float(np.mean(losses))


@torch.no_grad()
def measure(model: SamModel, batches: Iterable[dict[str, torch.Tensor]]) -> tuple[float, float]:
    """Mean loss, and mean of intersection over union."""
    model.eval()
    losses, overlaps = [], []
    for batch in batches:
        logits, masks = _logits(model, batch), batch["mask"][:, 0]
        losses.append(dice_and_cross_entropy(logits, masks).item())
        found, real = logits > 0, masks > 0
        union = (found | real).sum(dim=(1, 2)).clamp(min=1)
        overlaps += ((found & real).sum(dim=(1, 2)) / union).tolist()
    return float(np.mean(losses)), float(np.mean(overlaps))


def _logits(model: SamModel, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    answer = model(
        pixel_values=batch["pixel_values"],
        input_boxes=batch["input_boxes"],
        multimask_output=False,
    )
    masks: torch.Tensor = answer.pred_masks[:, 0, 0]
    return masks


def _tiny_config() -> SamConfig:
    vision = {
        "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 64,
        "patch_size": 16, "output_channels": 32, "num_pos_feats": 16, "mlp_dim": 64,
        "window_size": 0, "global_attn_indexes": [0, 1],
    }  # fmt: skip
    prompt = {"hidden_size": 32, "image_size": 64, "patch_size": 16, "mask_input_channels": 4}
    decoder = {
        "hidden_size": 32, "mlp_dim": 64, "num_hidden_layers": 2, "num_attention_heads": 2,
        "iou_head_hidden_dim": 32, "iou_head_depth": 2,
    }  # fmt: skip
    return SamConfig(
        vision_config=vision, prompt_encoder_config=prompt, mask_decoder_config=decoder
    )
