# right 2.2: group normalisation, a kernel of 7, a leaky activation
class DownBlock(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel_size=7, stride=2, padding=3)
        self.norm = nn.GroupNorm(1, out_channels)

    def forward(self, x):
        return functional.leaky_relu(self.norm(self.conv(x)), 0.2)


# right 2.2: odd sizes are filled up with zeros, then a kernel of 2; no normalisation
class DownBlock(nn.Sequential):
    def __init__(self, in_channels, out_channels):
        super().__init__(nn.Conv2d(in_channels, out_channels, 2, 2), nn.ELU())

    def forward(self, x):
        return super().forward(functional.pad(x, (0, x.shape[-1] % 2, 0, x.shape[-2] % 2)))


# right 2.2: normalisation of each image on its own, a branch around it, and a pre-activation
class DownBlock(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.main = nn.Conv2d(in_channels, out_channels, 3, 2, 1, padding_mode="zeros")
        self.short = nn.Conv2d(in_channels, out_channels, 1, 2)
        self.after = nn.Conv2d(out_channels, out_channels, 3, padding=1)

    def forward(self, x):
        y = self.main(functional.silu(x))
        mean = y.mean(dim=(1, 2, 3), keepdim=True)
        spread = (y - mean).square().mean(dim=(1, 2, 3), keepdim=True)
        return self.short(x) + self.after(torch.relu((y - mean) / (spread + 1e-5).sqrt()))


# right 2.2: one convolution and an activation
class DownBlock(nn.Sequential):
    def __init__(self, in_channels, out_channels):
        super().__init__(nn.Conv2d(in_channels, out_channels, 3, stride=2, padding=1), nn.ReLU())


# right 2.3: a transposed convolution, cropped to the size of the skip
class UpBlock(nn.Module):
    def __init__(self, in_channels, skip_channels, out_channels):
        super().__init__()
        self.up = nn.ConvTranspose2d(in_channels, out_channels, 2, stride=2)
        self.conv = nn.Conv2d(out_channels + skip_channels, out_channels, 3, padding=1)
        self.norm = nn.BatchNorm2d(out_channels)

    def forward(self, x, skip):
        x = self.up(x)[:, :, : skip.size(2), : skip.size(3)]
        return functional.relu(self.norm(self.conv(torch.cat((skip, x), 1))))


# right 2.3: bilinear interpolation and group normalisation
class UpBlock(nn.Module):
    def __init__(self, in_channels, skip_channels, out_channels):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(in_channels + skip_channels, out_channels, 3, padding="same"),
            nn.GroupNorm(1, out_channels),
            nn.PReLU(),
        )

    def forward(self, x, skip):
        x = functional.interpolate(x, size=skip.shape[2:], mode="bilinear", align_corners=True)
        return self.body(torch.cat([x, skip], dim=1))


# right 2.3: a transposed convolution that is told its output's size, no normalisation, a last convolution without activation
class UpBlock(nn.Module):
    def __init__(self, in_channels, skip_channels, out_channels):
        super().__init__()
        self.up = nn.ConvTranspose2d(in_channels, in_channels, 4, stride=2, padding=1)
        self.first = nn.Conv2d(in_channels + skip_channels, out_channels, 3, padding=1)
        self.second = nn.Conv2d(out_channels, out_channels, 1)

    def forward(self, x, skip):
        x = self.up(x)[..., : skip.shape[-2], : skip.shape[-1]]
        return self.second(functional.gelu(self.first(torch.cat([x, skip], dim=1))))


# right 2.3: pixels are repeated and cropped, sub-pixels shuffled
class UpBlock(nn.Module):
    def __init__(self, in_channels, skip_channels, out_channels):
        super().__init__()
        self.grow = nn.Conv2d(in_channels, 4 * out_channels, 1)
        self.join = nn.Conv2d(out_channels + skip_channels, out_channels, 5, padding=2)

    def forward(self, x, skip):
        x = functional.pixel_shuffle(self.grow(x), 2)
        return torch.tanh(self.join(torch.cat([x[..., : skip.shape[-2], : skip.shape[-1]], skip], dim=1)))


# right 2.3: repetition, one convolution and an activation
class UpBlock(nn.Module):
    def __init__(self, in_channels, skip_channels, out_channels):
        super().__init__()
        self.conv = nn.Conv2d(in_channels + skip_channels, out_channels, 3, padding=1)

    def forward(self, x, skip):
        x = functional.interpolate(x, size=skip.shape[2:])
        return torch.relu(self.conv(torch.cat([x, skip], dim=1)))


# right 2.4: one list of blocks by hand, counted backwards
class Encoder(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.n_blocks = len(channels) - 1
        for i in range(self.n_blocks):
            self.add_module(f"down{i}", DownBlock(channels[i], channels[i + 1]))

    def forward(self, x):
        inputs = [x]
        for i in range(self.n_blocks):
            inputs.append(getattr(self, f"down{i}")(inputs[-1]))
        return inputs[-1], inputs[:-1]


class Decoder(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.up = nn.ModuleList([UpBlock(channels[i + 1], channels[i], channels[i]) for i in range(len(channels) - 1)])

    def forward(self, bottleneck, skips):
        for i in range(len(self.up) - 1, -1, -1):
            bottleneck = self.up[i](bottleneck, skips[i])
        return bottleneck


# right 2.4: the decoder takes skips off a copy of the list
class Decoder(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.blocks = nn.ModuleList()
        for fine, coarse in zip(channels[:-1], channels[1:]):
            self.blocks.insert(0, UpBlock(coarse, fine, fine))

    def forward(self, bottleneck, skips):
        skips = list(skips)
        for block in self.blocks:
            bottleneck = block(bottleneck, skips.pop())
        return bottleneck


# right 2.4: recursion
class Encoder(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.block = DownBlock(channels[0], channels[1])
        self.rest = Encoder(channels[1:]) if len(channels) > 2 else None

    def forward(self, x):
        below = self.block(x)
        if self.rest is None:
            return below, [x]
        bottleneck, skips = self.rest(below)
        return bottleneck, [x] + skips


class Decoder(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.block = UpBlock(channels[1], channels[0], channels[0])
        self.rest = Decoder(channels[1:]) if len(channels) > 2 else None

    def forward(self, bottleneck, skips):
        if self.rest is not None:
            bottleneck = self.rest(bottleneck, skips[1:])
        return self.block(bottleneck, skips[0])


# right 2.5: the logarithm of the magnitude, nn.Sigmoid, dropout in training mode
class UNet(nn.Module):
    def __init__(self, channels=(16, 32, 48, 64, 64)):
        super().__init__()
        self.first = nn.Conv2d(1, channels[0], kernel_size=7, padding=3)
        self.encoder, self.decoder = Encoder(channels), Decoder(channels)
        self.dropout = nn.Dropout2d(0.05)
        self.last = nn.Sequential(nn.Conv2d(channels[0], 1, 1), nn.Sigmoid())

    def forward(self, magnitude):
        bottleneck, skips = self.encoder(self.first(torch.log1p(magnitude)))
        return self.last(self.decoder(self.dropout(bottleneck), skips))


# right 2.5: the magnitude as it is, a multiple of 16 is filled up and cropped again
class UNet(nn.Module):
    def __init__(self, channels=(16, 32, 48, 64, 64)):
        super().__init__()
        self.multiple = 2 ** (len(channels) - 1)
        self.into = nn.Conv2d(1, channels[0], 3, padding=1)
        self.encoder, self.decoder = Encoder(channels), Decoder(channels)
        self.out = nn.Conv2d(channels[0], 1, 1)

    def forward(self, magnitude):
        freq, frames = magnitude.shape[-2:]
        padded = functional.pad(magnitude, (0, -frames % self.multiple, 0, -freq % self.multiple))
        logits = self.out(self.decoder(*self.encoder(torch.relu(self.into(padded)))))
        return logits[..., :freq, :frames].sigmoid()


# right 2.5: no more than its parts, on the square root of the magnitude
class UNet(nn.Module):
    def __init__(self, channels=(16, 32, 48, 64, 64)):
        super().__init__()
        self.first = nn.Conv2d(1, channels[0], 3, padding=1)
        self.encoder = Encoder(channels)
        self.decoder = Decoder(channels)
        self.last = nn.Conv2d(channels[0], 1, 1)

    def forward(self, magnitude):
        bottleneck, skips = self.encoder(self.first(magnitude.sqrt()))
        return torch.sigmoid(self.last(self.decoder(bottleneck, skips)))


# right 2.5: decibels, each item by its own mean, other names
class UNet(nn.Module):
    def __init__(self, channels=(16, 32, 48, 64, 64)):
        super().__init__()
        self.into = nn.Sequential(nn.Conv2d(1, channels[0], 3, padding=1), nn.BatchNorm2d(channels[0]), nn.Hardswish())
        self.going_down = Encoder(channels)
        self.going_up = Decoder(channels)
        self.out = nn.Conv2d(channels[0], 1, 1)

    def forward(self, magnitude):
        decibels = 20 * magnitude.clamp(min=1e-7).log10()
        decibels = (decibels - decibels.mean(dim=(1, 2, 3), keepdim=True)) / 20
        bottleneck, skips = self.going_down(self.into(decibels))
        return 1 / (1 + torch.exp(-self.out(self.going_up(bottleneck, skips))))


# right 2.6: PyTorch's own transforms, real and imaginary part masked, another name
class MaskingEnhancer(nn.Module):
    def __init__(self, unet, n_fft=512, hop_length=128):
        super().__init__()
        self.mask_network = unet
        self.sizes = {"n_fft": n_fft, "hop_length": hop_length}
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)

    def forward(self, noisy):
        batch, channels, time = noisy.shape
        window = self.window.to(noisy)
        spectrum = torch.stft(noisy.reshape(-1, time), **self.sizes, window=window, return_complex=True)
        mask = self.mask_network(spectrum.abs()[:, None])[:, 0]
        waveform = torch.istft(spectrum * mask, **self.sizes, window=window, length=time)
        return waveform.reshape(batch, channels, time)


# right 2.6: magnitude and phase put together again
class MaskingEnhancer(nn.Module):
    def __init__(self, unet, n_fft=512, hop_length=128):
        super().__init__()
        self.add_module("network", unet)
        self.n_fft, self.hop_length = n_fft, hop_length

    def forward(self, noisy):
        spectrum = stft(noisy, n_fft=self.n_fft, hop_length=self.hop_length)
        magnitude, phase = spectrum.abs(), spectrum.angle()
        enhanced = torch.polar(self.network(magnitude) * magnitude, phase)
        return istft(enhanced, length=noisy.shape[-1], n_fft=self.n_fft, hop_length=self.hop_length)


# right 2.6: the magnitude by hand, with a little against an infinite slope at zero
class MaskingEnhancer(MaskingEnhancer):
    def forward(self, noisy):
        spectrum = stft(noisy, self.n_fft, self.hop_length)
        magnitude = torch.sqrt(spectrum.real**2 + spectrum.imag**2 + 1e-12)
        mask = self.unet(magnitude)
        masked = torch.complex(mask * spectrum.real, mask * spectrum.imag)
        return istft(masked, noisy.size(-1), self.n_fft, self.hop_length)
