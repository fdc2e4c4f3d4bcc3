"""Picture quality: what separates the received picture from the one sent, both as 8-bit pixels."""

METRICS = {
    "psnr": "linksim.metrics.psnr:psnr_db",
    "ssim": "linksim.metrics.ssim:ssim",
    "ms_ssim": "linksim.metrics.ms_ssim:ms_ssim",
}
"""From the YAML name of a metric to its function of (reference, received)."""
