import pytest
import torch

from kgprism.platform.nn.encoders.unet import AttentionUNet, UNet


@pytest.mark.parametrize("part", [UNet.Config(), AttentionUNet.Config(), UNet.Config(depth=3, channels=2)])
@pytest.mark.parametrize("width", [1, 4, 7, 16])
def test_vectors_of_any_width_keep_their_shape(part: UNet.Config | AttentionUNet.Config, width: int):
    u = torch.randn(3, 5, width)
    assert part.build(width)(u).shape == u.shape


def test_only_attention_lets_the_modalities_of_an_entity_speak():
    u = torch.randn(3, 5, 8)
    changed = u.clone()
    changed[0, 2] += 1
    for part, speaks in ((UNet.Config(), False), (AttentionUNet.Config(), True)):
        torch.manual_seed(0)
        net = part.build(8)
        moved = (net(changed) - net(u)).abs().amax(2) > 1e-6
        expected = torch.zeros(3, 5, dtype=torch.bool)
        expected[:, 2] = speaks
        expected[0, 2] = True
        assert torch.equal(moved, expected)


def test_attention_does_not_know_the_modalities_order():
    net, u = AttentionUNet.Config().build(8), torch.randn(3, 5, 8)
    torch.testing.assert_close(net(u[[2, 0, 1]]), net(u)[[2, 0, 1]])


def test_attention_is_added_to_what_the_u_net_alone_finds():
    torch.manual_seed(0)
    plain = UNet.Config().build(8)
    attending = AttentionUNet.Config().build(8)
    attending.load_state_dict(plain.state_dict(), strict=False)
    for parameter in attending.among.output.parameters():
        torch.nn.init.zeros_(parameter)
    u = torch.randn(3, 5, 8)
    torch.testing.assert_close(attending(u), plain(u))
