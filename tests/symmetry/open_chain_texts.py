"""Open chains as texts: a chain with a pump, and one with two Rashba terms and dephasing of the spins."""

from __future__ import annotations

PUMPED = """\
model pumped
param eps = 0.05; param g = 0.5; param filling = 0.5; param cells = infinite
param delta = 1 + 1i; param deltap = 1 + 0.5i
lattice chain {
  site c[j] for j in ring(cells)
  hop c[j] -> c[j+1] : -1
}
dissipator thermal on chain { jump = detailed_balance(beta = 2); rate = eps*(1 - g) }
dissipator pump[j] on chain { jump = (c[j]' + delta*c[j+1]')*(c[j] - deltap*c[j+1]); rate = eps*g }
filling chain = filling
task ness = steady_state { output current }
"""
RASHBA = """\
model rashba
param h = 1; param a_y = 1.1; param a_z = 0.9
param eps = 0.05; param g = 0.9; param share_up = 1; param share_down = 0
param filling = 0.5; param cells = infinite
lattice chain {
  internal spin
  site c[j] for j in ring(cells)
  onsite c[j] : h*sigma_z
  hop c[j] -> c[j+1] : -1 - 1i*a_z*sigma_y + 1i*a_y*sigma_z
}
dissipator thermal on chain { jump = detailed_balance(beta = 2); rate = eps*(1 - g) }
dissipator dephase_up[j] on chain { jump = c[j, up]'*c[j, up]; rate = eps*g*share_up }
dissipator dephase_down[j] on chain { jump = c[j, down]'*c[j, down]; rate = eps*g*share_down }
filling chain = filling
task ness = steady_state { output current, I_s = current_by_spin[up] + current_by_spin[down] }
"""
LOSS_AND_GAIN = """\
model loss_and_gain
param gain = 0.6; param cells = 40
lattice chain {
  site c[j] for j in ring(cells)
  hop c[j] -> c[j+1] : -1
}
dissipator loss[j] on chain { jump = c[j] + (AMPLITUDE)*c[j+1]; rate = 1 }
dissipator gains[j] on chain { jump = GAINED; rate = gain }
task ness = steady_state { output current }
"""
BOUNDED = """\
model bounded
param N = 7
lattice chain {
  site c[j] for j in 1..N at (j, 0)
  onsite c[j] : LEVEL
  hop c[j] -> c[j+1] : -1
}
dissipator left on chain { jump = c[1]'; rate = 0.6 }
dissipator right on chain { jump = RIGHT; rate = 0.6 }
dissipator loss[j] for j in 2..N-1 on chain { jump = c[j]; rate = 0.1 }
task ness = steady_state { output current }
"""
