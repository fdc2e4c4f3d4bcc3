"""What theory says about Gray-labelled modulation: constellations, error rates and capacities, in numpy."""
