# wrong 2.2: no padding, so that sizes are rounded down; symptom: which padding
class DownBlock(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(in_channels, out_channels, 3, stride=2), nn.ReLU())

    def forward(self, x):
        return self.layers(x)


# wrong 2.2: a kernel of 4 with a padding of 1 rounds down; symptom: which padding|kernel size
class DownBlock(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(in_channels, out_channels, 4, 2, 1), nn.BatchNorm2d(out_channels), nn.ReLU())

    def forward(self, x):
        return self.layers(x)


# wrong 2.2: a kernel of 3 with a padding of 2 makes one too many; symptom: which padding
class DownBlock(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 3, 2, 2)

    def forward(self, x):
        return torch.relu(self.conv(x))


# wrong 2.2: only the frequencies are halved; symptom: became
class DownBlock(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 3, stride=(2, 1), padding=1)

    def forward(self, x):
        return torch.relu(self.conv(x))


# wrong 2.2: no stride at all; symptom: became
class DownBlock(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 3, padding=1)

    def forward(self, x):
        return torch.relu(self.conv(x))


# wrong 2.2: a pooling of the maximum instead of a stride; symptom: pooling
class DownBlock(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 3, padding=1)

    def forward(self, x):
        return torch.relu(self.conv(functional.max_pool2d(x, 2, ceil_mode=True)))


# wrong 2.2: a pooling of the mean instead of a stride; symptom: pooling
class DownBlock(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.layers = nn.Sequential(nn.AvgPool2d(2, ceil_mode=True), nn.Conv2d(in_channels, out_channels, 1), nn.ReLU())

    def forward(self, x):
        return self.layers(x)


# wrong 2.2: channels in and out are swapped; symptom: channels
class DownBlock(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.conv = nn.Conv2d(out_channels, in_channels, 3, 2, 1)

    def forward(self, x):
        return torch.relu(self.conv(x))


# wrong 2.2: the number of channels after the block is fixed; symptom: became|channels
class DownBlock(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, 2 * in_channels, 3, 2, 1)

    def forward(self, x):
        return torch.relu(self.conv(x))


# wrong 2.2: the activation before the convolution changes the input in place; symptom: leave its input as it was
class DownBlock(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.layers = nn.Sequential(nn.ReLU(inplace=True), nn.Conv2d(in_channels, out_channels, 3, 2, 1))

    def forward(self, x):
        return self.layers(x)


# wrong 2.2: the input is made float32; symptom: dtype
class DownBlock(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 3, 2, 1)

    def forward(self, x):
        return torch.relu(self.conv(x.float()))


# wrong 2.2: zeros are appended on the CPU, in float32; symptom: dtype and device
class DownBlock(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 2, 2)

    def forward(self, x):
        if x.shape[-1] % 2:
            x = torch.cat([x, torch.zeros(*x.shape[:-1], 1)], dim=-1)
        if x.shape[-2] % 2:
            x = torch.cat([x, torch.zeros(*x.shape[:-2], 1, x.shape[-1])], dim=-2)
        return torch.relu(self.conv(x))


# wrong 2.2: an odd size is always assumed, even ones get one too many; symptom: which padding
class DownBlock(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 3, 2, 1)

    def forward(self, x):
        return torch.relu(self.conv(functional.pad(x, (0, 1, 0, 1))))


# wrong 2.2: padding by reflection fails for a single pixel; symptom: padding
class DownBlock(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 3, 2, 1, padding_mode="reflect")

    def forward(self, x):
        return torch.relu(self.conv(x))


# wrong 2.2: the convolution's result is detached; symptom: that learns
class DownBlock(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 3, 2, 1)
        self.norm = nn.BatchNorm2d(out_channels)

    def forward(self, x):
        return torch.relu(self.norm(self.conv(x).detach()))


# wrong 2.2: a plain convolution and every second pixel of a copy without weights; symptom: that learns|became
class DownBlock(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.out_channels = out_channels

    def forward(self, x):
        return x[..., ::2, ::2].mean(dim=1, keepdim=True).expand(-1, self.out_channels, -1, -1)


# wrong 2.3: upsampled by 2, whatever the size of the skip; symptom: sizes of tensors must match|upsampled to the size of skip
class UpBlock(nn.Module):
    def __init__(self, in_channels, skip_channels, out_channels):
        super().__init__()
        self.conv = nn.Conv2d(in_channels + skip_channels, out_channels, 3, padding=1)

    def forward(self, x, skip):
        x = functional.interpolate(x, scale_factor=2)
        return torch.relu(self.conv(torch.cat([x, skip], dim=1)))


# wrong 2.3: a transposed convolution without cropping; symptom: sizes of tensors must match|upsampled to the size of skip
class UpBlock(nn.Module):
    def __init__(self, in_channels, skip_channels, out_channels):
        super().__init__()
        self.up = nn.ConvTranspose2d(in_channels, out_channels, 2, stride=2)
        self.conv = nn.Conv2d(out_channels + skip_channels, out_channels, 3, padding=1)

    def forward(self, x, skip):
        return torch.relu(self.conv(torch.cat([self.up(x), skip], dim=1)))


# wrong 2.3: the skip is ignored; symptom: nothing depends on skip
class UpBlock(nn.Module):
    def __init__(self, in_channels, skip_channels, out_channels):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 3, padding=1)

    def forward(self, x, skip):
        return torch.relu(self.conv(functional.interpolate(x, size=skip.shape[-2:])))


# wrong 2.3: what comes from below is ignored; symptom: nothing depends on x
class UpBlock(nn.Module):
    def __init__(self, in_channels, skip_channels, out_channels):
        super().__init__()
        self.conv = nn.Conv2d(skip_channels, out_channels, 3, padding=1)

    def forward(self, x, skip):
        return torch.relu(self.conv(skip))


# wrong 2.3: the skip is detached; symptom: nothing depends on skip
class UpBlock(UpBlock):
    def forward(self, x, skip):
        return super().forward(x, skip.detach())


# wrong 2.3: the skip is brought to the size of x, and the result upsampled by 2; symptom: upsampled to the size of skip
class UpBlock(nn.Module):
    def __init__(self, in_channels, skip_channels, out_channels):
        super().__init__()
        self.conv = nn.Conv2d(in_channels + skip_channels, out_channels, 3, padding=1)

    def forward(self, x, skip):
        skip = functional.interpolate(skip, size=x.shape[-2:])
        return functional.interpolate(torch.relu(self.conv(torch.cat([x, skip], dim=1))), scale_factor=2)


# wrong 2.3: zeros fill x up to the size of the skip, nothing is upsampled; symptom: not padded
class UpBlock(nn.Module):
    def __init__(self, in_channels, skip_channels, out_channels):
        super().__init__()
        self.conv = nn.Conv2d(in_channels + skip_channels, out_channels, 3, padding=1)

    def forward(self, x, skip):
        height, width = skip.shape[-2] - x.shape[-2], skip.shape[-1] - x.shape[-1]
        x = functional.pad(x, (0, width, 0, height))
        return torch.relu(self.conv(torch.cat([x, skip], dim=1)))


# wrong 2.3: the last row and column of an odd skip are dropped; symptom: upsampled to the size of skip|sizes of tensors
class UpBlock(nn.Module):
    def __init__(self, in_channels, skip_channels, out_channels):
        super().__init__()
        self.conv = nn.Conv2d(in_channels + skip_channels, out_channels, 3, padding=1)

    def forward(self, x, skip):
        height, width = max(1, skip.shape[-2] // 2 * 2), max(1, skip.shape[-1] // 2 * 2)
        x = functional.interpolate(x, size=(height, width))
        return torch.relu(self.conv(torch.cat([x, skip[..., :height, :width]], dim=1)))


# wrong 2.3: height and width are swapped; symptom: sizes of tensors must match|upsampled to the size
class UpBlock(nn.Module):
    def __init__(self, in_channels, skip_channels, out_channels):
        super().__init__()
        self.conv = nn.Conv2d(in_channels + skip_channels, out_channels, 3, padding=1)

    def forward(self, x, skip):
        x = functional.interpolate(x, size=(skip.shape[-1], skip.shape[-2]))
        return torch.relu(self.conv(torch.cat([x, skip], dim=1)))


# wrong 2.3: the skip is added, which needs equal channels; symptom: concatenated along dimension 1
class UpBlock(nn.Module):
    def __init__(self, in_channels, skip_channels, out_channels):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 3, padding=1)

    def forward(self, x, skip):
        return torch.relu(self.conv(functional.interpolate(x, size=skip.shape[-2:]) + skip))


# wrong 2.3: the convolution counts on as many channels in the skip as below; symptom: concatenated along dimension 1
class UpBlock(nn.Module):
    def __init__(self, in_channels, skip_channels, out_channels):
        super().__init__()
        self.conv = nn.Conv2d(2 * in_channels, out_channels, 3, padding=1)

    def forward(self, x, skip):
        return torch.relu(self.conv(torch.cat([functional.interpolate(x, size=skip.shape[-2:]), skip], dim=1)))


# wrong 2.3: an activation in place changes the skip; symptom: left where it was|left as it was
class UpBlock(UpBlock):
    def forward(self, x, skip):
        return super().forward(x, functional.relu(skip, inplace=True))


# wrong 2.3: a buffer of float32 on the CPU is filled; symptom: dtype and device
class UpBlock(nn.Module):
    def __init__(self, in_channels, skip_channels, out_channels):
        super().__init__()
        self.conv = nn.Conv2d(in_channels + skip_channels, out_channels, 3, padding=1)

    def forward(self, x, skip):
        height, width = skip.shape[-2:]
        larger = torch.zeros(*x.shape[:2], height, width)
        larger[...] = x.repeat_interleave(2, -1).repeat_interleave(2, -2)[..., :height, :width]
        return torch.relu(self.conv(torch.cat([larger, skip], dim=1)))


# wrong 2.3: skip_channels come out; symptom: got
class UpBlock(UpBlock):
    def __init__(self, in_channels, skip_channels, out_channels):
        super().__init__(in_channels, skip_channels, skip_channels)


# wrong 2.4: the skips are the outputs of the blocks; symptom: inputs, not outputs
class Encoder(Encoder):
    def forward(self, x):
        skips = []
        for block in self.blocks:
            x = block(x)
            skips.append(x)
        return x, skips


# wrong 2.4: the skips come coarsest first; symptom: the skips have the shapes
class Encoder(Encoder):
    def forward(self, x):
        bottleneck, skips = super().forward(x)
        return bottleneck, skips[::-1]


# wrong 2.4: the bottleneck is among the skips; symptom: one too many
class Encoder(Encoder):
    def forward(self, x):
        bottleneck, skips = super().forward(x)
        return bottleneck, [*skips, bottleneck]


# wrong 2.4: the input is not among the skips; symptom: the skips have the shapes
class Encoder(Encoder):
    def forward(self, x):
        bottleneck, skips = super().forward(x)
        return bottleneck, skips[1:]


# wrong 2.4: the last block is never run; symptom: the output of the last block
class Encoder(Encoder):
    def forward(self, x):
        skips = []
        for block in self.blocks:
            skips.append(x)
            if len(skips) < len(self.blocks):
                x = block(x)
        return x, skips


# wrong 2.4: the blocks are in a plain list, where neither .double() nor an optimizer finds them; symptom: nn.ModuleList
class Encoder(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.blocks = [DownBlock(before, after) for before, after in zip(channels, channels[1:])]

    def forward(self, x):
        skips = []
        for block in self.blocks:
            skips.append(x)
            x = block(x)
        return x, skips

    def train(self, mode=True):
        for block in self.blocks:
            block.train(mode)
        return super().train(mode)


# wrong 2.4: all blocks but the first are in a plain list; symptom: with two
class Encoder(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.first, *self.others = [DownBlock(before, after) for before, after in zip(channels, channels[1:])]

    def forward(self, x):
        skips = []
        for block in (self.first, *self.others):
            skips.append(x)
            x = block(x)
        return x, skips


# wrong 2.4: the decoder's blocks are in a plain list; symptom: nn.ModuleList
class Decoder(nn.Module):
    def __init__(self, channels):
        super().__init__()
        pairs = list(zip(channels, channels[1:]))[::-1]
        self.blocks = [UpBlock(coarse, fine, fine) for fine, coarse in pairs]

    def forward(self, bottleneck, skips):
        for block, skip in zip(self.blocks, skips[::-1]):
            bottleneck = block(bottleneck, skip)
        return bottleneck

    def train(self, mode=True):
        for block in self.blocks:
            block.train(mode)
        return super().train(mode)


# wrong 2.4: the decoder takes its skips off the caller's list; symptom: pop\(\) or reverse
class Decoder(Decoder):
    def forward(self, bottleneck, skips):
        for block in self.blocks:
            bottleneck = block(bottleneck, skips.pop())
        return bottleneck


# wrong 2.4: the decoder turns the caller's list round; symptom: pop\(\) or reverse
class Decoder(Decoder):
    def forward(self, bottleneck, skips):
        skips.reverse()
        for block, skip in zip(self.blocks, skips):
            bottleneck = block(bottleneck, skip)
        return bottleneck


# wrong 2.4: the decoder begins with the finest skip; symptom: the finest skip's size|expected input|size
class Decoder(Decoder):
    def forward(self, bottleneck, skips):
        for block, skip in zip(self.blocks, skips):
            bottleneck = block(bottleneck, skip)
        return bottleneck


# wrong 2.4: the decoder's skips are detached; symptom: all skips
class Decoder(Decoder):
    def forward(self, bottleneck, skips):
        return super().forward(bottleneck, [skip.detach() for skip in skips])


# wrong 2.4: the decoder does not use the bottleneck; symptom: use the bottleneck
class Decoder(Decoder):
    def forward(self, bottleneck, skips):
        return super().forward(torch.zeros_like(bottleneck), skips)


# wrong 2.4: the same block is used at each level that has the same channels; symptom: own block
class Encoder(nn.Module):
    def __init__(self, channels):
        super().__init__()
        known = {}
        pairs = list(zip(channels, channels[1:]))
        self.blocks = nn.ModuleList(known.setdefault(pair, DownBlock(*pair)) for pair in pairs)

    def forward(self, x):
        skips = []
        for block in self.blocks:
            skips.append(x)
            x = block(x)
        return x, skips


# wrong 2.4: an activation in place changes the encoder's input; symptom: The encoder its input
class Encoder(Encoder):
    def forward(self, x):
        skips = []
        for block in self.blocks:
            skips.append(x)
            x = block(x.relu_())
        return x, skips


# wrong 2.4: the number of blocks is fixed at two; symptom: four blocks
class Encoder(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.first = DownBlock(channels[0], channels[1])
        self.second = DownBlock(channels[1], channels[2])

    def forward(self, x):
        between = self.first(x)
        return self.second(between), [x, between]


# wrong 2.4: the decoder adds a block that leads to one channel; symptom: channels\[0\] channels
class Decoder(Decoder):
    def __init__(self, channels):
        super().__init__([1, *channels[1:]])
        self.blocks[-1] = UpBlock(channels[1], channels[0], 1)


# wrong 2.5: no sigmoid; symptom: sigmoid
class UNet(UNet):
    def forward(self, magnitude):
        mask = super().forward(magnitude)
        return torch.log(mask / (1 - mask))


# wrong 2.5: a ReLU instead of a sigmoid; symptom: ReLU or clamp cuts
class UNet(UNet):
    def forward(self, magnitude):
        mask = super().forward(magnitude)
        return torch.relu(torch.log(mask / (1 - mask)))


# wrong 2.5: cut off at 0 and 1 instead of a sigmoid; symptom: ReLU or clamp cuts
class UNet(UNet):
    def forward(self, magnitude):
        mask = super().forward(magnitude)
        return torch.log(mask / (1 - mask)).clamp(0, 1)


# wrong 2.5: tanh instead of a sigmoid; symptom: sigmoid
class UNet(UNet):
    def forward(self, magnitude):
        return 2 * super().forward(magnitude) - 1


# wrong 2.5: a softmax over frequency instead of a sigmoid; symptom: sigmoid
class UNet(UNet):
    def forward(self, magnitude):
        mask = super().forward(magnitude)
        return torch.softmax(torch.log(mask / (1 - mask)), dim=2)


# wrong 2.5: two sigmoids, one after the other; symptom: one sigmoid
class UNet(UNet):
    def forward(self, magnitude):
        return torch.sigmoid(super().forward(magnitude))


# wrong 2.5: batch normalisation by the batch in evaluation mode too; symptom: averaged over the batch
class UNet(UNet):
    def __init__(self, channels=(16, 32, 48, 64, 64)):
        super().__init__(channels)
        self.norm = nn.BatchNorm2d(channels[0], track_running_stats=False)

    def forward(self, magnitude):
        bottleneck, skips = self.encoder(self.norm(self.inlet(magnitude)))
        return torch.sigmoid(self.outlet(self.decoder(bottleneck, skips)))


# wrong 2.5: the magnitude is divided by the loudest of the whole batch; symptom: averaged over the batch|depends on its batch
class UNet(UNet):
    def forward(self, magnitude):
        bottleneck, skips = self.encoder(self.inlet(magnitude / (magnitude.max() + 1e-8)))
        return torch.sigmoid(self.outlet(self.decoder(bottleneck, skips)))


# wrong 2.5: dropout in evaluation mode too; symptom: dropout
class UNet(UNet):
    def forward(self, magnitude):
        bottleneck, skips = self.encoder(self.inlet(magnitude))
        return torch.sigmoid(self.outlet(self.decoder(functional.dropout(bottleneck, 0.2), skips)))


# wrong 2.5: a layer is made and not used; symptom: made and not used
class UNet(UNet):
    def __init__(self, channels=(16, 32, 48, 64, 64)):
        super().__init__(channels)
        self.between = nn.Conv2d(channels[-1], channels[-1], 3, padding=1)


# wrong 2.5: the magnitude is filled up to a multiple of 16 and not cropped again; symptom: the mask has the shape
class UNet(UNet):
    def forward(self, magnitude):
        frequency, frames = magnitude.shape[-2:]
        return super().forward(functional.pad(magnitude, (0, -frames % 16, 0, -frequency % 16)))


# wrong 2.5: frames beyond a multiple of 16 are cut away; symptom: the mask has the shape
class UNet(UNet):
    def forward(self, magnitude):
        frames = magnitude.shape[-1]
        return super().forward(magnitude[..., : max(1, frames // 16 * 16)])


# wrong 2.5: a dimension of 1 is squeezed out of a batch of one; symptom: batch of one
class UNet(UNet):
    def forward(self, magnitude):
        mask = super().forward(magnitude)
        return mask.squeeze(0) if len(mask) == 1 else mask


# wrong 2.5: the logarithm of silence; symptom: mask of silence
class UNet(UNet):
    def forward(self, magnitude):
        bottleneck, skips = self.encoder(self.inlet(magnitude.log()))
        return torch.sigmoid(self.outlet(self.decoder(bottleneck, skips)))


# wrong 2.5: each item is divided by its loudest value, 0 / 0 for silence; symptom: mask of silence
class UNet(UNet):
    def forward(self, magnitude):
        level = magnitude.amax(dim=(1, 2, 3), keepdim=True)
        bottleneck, skips = self.encoder(self.inlet(magnitude / level))
        return torch.sigmoid(self.outlet(self.decoder(bottleneck, skips)))


# wrong 2.5: the argument channels is ignored; symptom: `channels` followed
class UNet(UNet):
    def __init__(self, channels=(16, 32, 48, 64, 64)):
        super().__init__((16, 32, 48, 64, 64))


# wrong 2.5: the decoder gets zeros for skips; symptom: skips reach the decoder|made and not used
class UNet(UNet):
    def forward(self, magnitude):
        bottleneck, skips = self.encoder(self.inlet(magnitude))
        skips = [torch.zeros_like(skip) for skip in skips]
        return torch.sigmoid(self.outlet(self.decoder(bottleneck, skips)))


# wrong 2.5: the magnitude is made float32; symptom: dtype
class UNet(UNet):
    def forward(self, magnitude):
        return super().forward(magnitude.to(torch.float32))


# wrong 2.5: whether the input is silent is looked at on the CPU; symptom: device
class UNet(UNet):
    def forward(self, magnitude):
        if float(magnitude.sum()) == 0:
            return torch.full_like(magnitude, 0.5)
        return super().forward(magnitude)


# wrong 2.5: the magnitude is compressed in place; symptom: sigmoid|in place|changed
class UNet(UNet):
    def forward(self, magnitude):
        return super().forward(magnitude.pow_(0.5))


# wrong 2.5: the magnitude itself is multiplied, the result is no mask; symptom: a mask lies between 0 and 1
class UNet(UNet):
    def forward(self, magnitude):
        return magnitude * super().forward(magnitude) * 10


# wrong 2.6: no length given to istft; symptom: length given to istft
class MaskingEnhancer(MaskingEnhancer):
    def forward(self, noisy):
        spectrogram = stft(noisy, self.n_fft, self.hop_length)
        enhanced = apply_mask(spectrogram, self.unet(spectrogram.abs()))
        return istft(enhanced, n_fft=self.n_fft, hop_length=self.hop_length)


# wrong 2.6: without length, zeros appended; symptom: off by
class MaskingEnhancer(MaskingEnhancer):
    def forward(self, noisy):
        spectrogram = stft(noisy, self.n_fft, self.hop_length)
        enhanced = apply_mask(spectrogram, self.unet(spectrogram.abs()))
        waveform = istft(enhanced, n_fft=self.n_fft, hop_length=self.hop_length)
        return functional.pad(waveform, (0, noisy.shape[-1] - waveform.shape[-1]))


# wrong 2.6: the U-Net sees the power; symptom: not the magnitude
class MaskingEnhancer(MaskingEnhancer):
    def forward(self, noisy):
        spectrogram = stft(noisy, self.n_fft, self.hop_length)
        enhanced = apply_mask(spectrogram, self.unet(spectrogram.abs() ** 2))
        return istft(enhanced, noisy.shape[-1], self.n_fft, self.hop_length)


# wrong 2.6: the U-Net sees a compressed magnitude; symptom: not the magnitude
class MaskingEnhancer(MaskingEnhancer):
    def forward(self, noisy):
        spectrogram = stft(noisy, self.n_fft, self.hop_length)
        enhanced = apply_mask(spectrogram, self.unet(torch.log1p(spectrogram.abs())))
        return istft(enhanced, noisy.shape[-1], self.n_fft, self.hop_length)


# wrong 2.6: the U-Net sees a normalised magnitude; symptom: not the magnitude
class MaskingEnhancer(MaskingEnhancer):
    def forward(self, noisy):
        spectrogram = stft(noisy, self.n_fft, self.hop_length)
        magnitude = spectrogram.abs()
        mask = self.unet(magnitude / (magnitude.amax(dim=(-1, -2), keepdim=True) + 1e-8))
        return istft(apply_mask(spectrogram, mask), noisy.shape[-1], self.n_fft, self.hop_length)


# wrong 2.6: the phase is lost; symptom: noisy phase
class MaskingEnhancer(MaskingEnhancer):
    def forward(self, noisy):
        magnitude = stft(noisy, self.n_fft, self.hop_length).abs()
        enhanced = torch.complex(magnitude * self.unet(magnitude), torch.zeros_like(magnitude))
        return istft(enhanced, noisy.shape[-1], self.n_fft, self.hop_length)


# wrong 2.6: the mask is applied twice; symptom: applied once
class MaskingEnhancer(MaskingEnhancer):
    def forward(self, noisy):
        spectrogram = stft(noisy, self.n_fft, self.hop_length)
        mask = self.unet(spectrogram.abs())
        enhanced = apply_mask(apply_mask(spectrogram, mask), mask)
        return istft(enhanced, noisy.shape[-1], self.n_fft, self.hop_length)


# wrong 2.6: what the mask takes away is returned; symptom: .
class MaskingEnhancer(MaskingEnhancer):
    def forward(self, noisy):
        return noisy - super().forward(noisy)


# wrong 2.6: n_fft and hop_length are not passed on; symptom: n_fft and hop_length given
class MaskingEnhancer(MaskingEnhancer):
    def __init__(self, unet, n_fft=512, hop_length=128):
        super().__init__(unet)


# wrong 2.6: the hop is always a quarter of n_fft; symptom: n_fft and hop_length given
class MaskingEnhancer(MaskingEnhancer):
    def __init__(self, unet, n_fft=512, hop_length=128):
        super().__init__(unet, n_fft, n_fft // 4)


# wrong 2.6: the inverse keeps the defaults; symptom: n_fft and hop_length given
class MaskingEnhancer(MaskingEnhancer):
    def forward(self, noisy):
        spectrogram = stft(noisy, self.n_fft, self.hop_length)
        enhanced = apply_mask(spectrogram, self.unet(spectrogram.abs()))
        return istft(enhanced, noisy.shape[-1])


# wrong 2.6: the U-Net is kept in a list, which hides it from parameters(); symptom: not a submodule
class MaskingEnhancer(nn.Module):
    def __init__(self, unet, n_fft=512, hop_length=128):
        super().__init__()
        self.held, self.n_fft, self.hop_length = [unet], n_fft, hop_length

    def forward(self, noisy):
        spectrogram = stft(noisy, self.n_fft, self.hop_length)
        enhanced = apply_mask(spectrogram, self.held[0](spectrogram.abs()))
        return istft(enhanced, noisy.shape[-1], self.n_fft, self.hop_length)


# wrong 2.6: the mask is detached; symptom: detached or computed without gradients
class MaskingEnhancer(MaskingEnhancer):
    def forward(self, noisy):
        spectrogram = stft(noisy, self.n_fft, self.hop_length)
        enhanced = apply_mask(spectrogram, self.unet(spectrogram.abs()).detach())
        return istft(enhanced, noisy.shape[-1], self.n_fft, self.hop_length)


# wrong 2.6: the U-Net is always in evaluation mode; symptom: train\(\), eval\(\)
class MaskingEnhancer(MaskingEnhancer):
    def forward(self, noisy):
        self.unet.eval()
        return super().forward(noisy)


# wrong 2.6: the noisy waveform is normalised in place; symptom: off by|left as they are
class MaskingEnhancer(MaskingEnhancer):
    def forward(self, noisy):
        noisy /= noisy.abs().amax(dim=-1, keepdim=True)
        return super().forward(noisy)


# wrong 2.6: the spectrogram loses its channel; symptom: the U-Net was given
class MaskingEnhancer(MaskingEnhancer):
    def forward(self, noisy):
        spectrogram = stft(noisy[:, 0], self.n_fft, self.hop_length)
        enhanced = apply_mask(spectrogram, self.unet(spectrogram.abs()))
        return istft(enhanced, noisy.shape[-1], self.n_fft, self.hop_length)[:, None]


# wrong 2.6: the result is float32 whatever came; symptom: float64
class MaskingEnhancer(MaskingEnhancer):
    def forward(self, noisy):
        return super().forward(noisy).float()


# wrong 2.6: the enhanced waveform is cut off at 1; symptom: off by
class MaskingEnhancer(MaskingEnhancer):
    def forward(self, noisy):
        return super().forward(noisy).clamp(-1, 1)
